mod continued;
mod otel;
