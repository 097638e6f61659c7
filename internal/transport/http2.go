package transport

// http2Info is for streams that go on without the HTTP server.
var http2Info = &Info{Name: "http2", Bytes: 24 << 10, Files: 1}
