mod batches;
mod calls;
mod get_stream;
mod lifecycle;
mod messages;
mod recording;
mod replay;
mod sessionless;
