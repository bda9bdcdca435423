mod otel;
