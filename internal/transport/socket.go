package transport

// What a socket is, in the clear and with TLS.
var (
	socketInfo = &Info{Name: "socket", Bytes: 4 << 10, Files: 1}
	tlsInfo    = &Info{Name: "socket", Bytes: 11 << 10, Files: 1}
)
