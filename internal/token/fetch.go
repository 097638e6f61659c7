package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxSet is how many bytes a set of keys may have.
const maxSet = 256 << 10

// Fetch returns what reads a set of keys from a URL. Redirects are not followed: they
// would let another decide who may subscribe, or have the gateway ask where it should not.
func Fetch(url string) func(context.Context) ([]byte, error) {
	client := &http.Client{
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			return fmt.Errorf("it redirects to %s, which is not followed: write the address where the keys are", r.URL.Redacted())
		},
	}
	return func(ctx context.Context) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Accept", "application/jwk-set+json, application/json")
		answer, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("the answer is %s", answer.Status)
		}
		text, err := io.ReadAll(io.LimitReader(answer.Body, maxSet+1))
		if err == nil && len(text) > maxSet {
			err = errors.New("the answer is longer than 256 KiB")
		}
		return text, err
	}
}
