mod runtime_api;
