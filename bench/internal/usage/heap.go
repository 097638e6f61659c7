//go:build linux

package usage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Heap is how many bytes are reachable in a Go program that serves its profiles
// at the address, as Caddy's admin endpoint does. It has the program collect its
// garbage first, twice: what is in a sync.Pool outlasts the first time.
func Heap(ctx context.Context, address string) (int64, error) {
	if _, err := heap(ctx, address); err != nil {
		return 0, err
	}
	return heap(ctx, address)
}

func heap(ctx context.Context, address string) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/pprof/heap?gc=1&debug=1", nil)
	if err != nil {
		return 0, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if number, ok := strings.CutPrefix(lines.Text(), "# HeapAlloc = "); ok {
			return strconv.ParseInt(number, 10, 64)
		}
	}
	return 0, errors.Join(lines.Err(), fmt.Errorf("%s answers %s, without HeapAlloc", address, response.Status))
}
