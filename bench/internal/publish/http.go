package publish

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// HTTP publishes with POST requests, one after another on one connection.
type HTTP struct {
	// URL is where to, in which {channel} stands for the message's channel.
	URL string
	// Form, if any, is what the body is: {channel} and {payload} stand for the
	// message's, escaped. Default: the body is the payload.
	Form string
	// Authorization is the header of that name.
	Authorization string

	client http.Client
}

// NewHTTP returns a publisher that takes any certificate: what it publishes to
// is on this machine.
func NewHTTP(url, form, authorization string) *HTTP {
	return &HTTP{URL: url, Form: form, Authorization: authorization, client: http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}}
}

// Publish implements [Publisher].
func (h *HTTP) Publish(ctx context.Context, messages []Message) error {
	for _, m := range messages {
		if err := h.post(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (h *HTTP) post(ctx context.Context, m Message) error {
	body, contentType := string(m.Payload), "text/plain"
	if h.Form != "" {
		body, contentType = fillForm(h.Form, m), "application/x-www-form-urlencoded"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fill(h.URL, m), strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	if h.Authorization != "" {
		request.Header.Set("Authorization", h.Authorization)
	}
	response, err := h.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("POST %s: %s: %s", request.URL, response.Status, answer)
	}
	return err
}
