mod extension;
mod properties;
