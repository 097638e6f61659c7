package publish

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

// decoders undo the content codings that HTTP knows (RFC 9110, section 8.4.1,
// RFC 7932 and RFC 8878).
var decoders = map[string]func(io.Reader) (io.Reader, error){
	"gzip":    func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"x-gzip":  func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"deflate": func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
	"br":      func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	"zstd": func(r io.Reader) (io.Reader, error) {
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20)) // RFC 8878 wants no more
	},
}

// decode undoes a body's content codings, as long as it does not become larger
// than most.
func decode(body []byte, encoding string, most int64) ([]byte, error) {
	var codings []string
	for coding := range strings.SplitSeq(strings.ToLower(encoding), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && coding != "identity" {
			codings = append(codings, coding)
		}
	}
	for _, coding := range slices.Backward(codings) { // the last was applied last
		decoder := decoders[coding]
		if decoder == nil {
			return nil, unreadable(fmt.Errorf("its Content-Encoding %.50q is unknown", coding))
		}
		r, err := decoder(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(r, most+1))
		}
		if d, ok := r.(*zstd.Decoder); ok {
			d.Close()
		}
		if err != nil {
			return nil, unreadable(fmt.Errorf("it is not what its Content-Encoding %q says: %w", coding, err))
		}
		if int64(len(body)) > most {
			return nil, caddyhttp.Error(http.StatusRequestEntityTooLarge, fmt.Errorf("the answer is larger than %d bytes", most))
		}
	}
	return body, nil
}

// unreadable is the error of an answer that cannot be read.
func unreadable(detail error) error {
	return caddyhttp.Error(http.StatusBadGateway, request.NewRefusal("the answer cannot be read", detail))
}
