//go:build linux

package usage

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Memory is how many bytes the processes hold in RAM, those that several share
// counted once. What is merely mapped from files, such as their code, is left
// out: how much of it happens to be loaded says nothing about subscribers.
func Memory(pids []int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ":")
			if name != "Pss_Anon" && name != "Pss_Shmem" {
				continue
			}
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, err
			}
			sum += kilobytes << 10
		}
	}
	return sum, nil
}

const (
	settleStep  = 250 * time.Millisecond
	settleSteps = 8
	settleMost  = 20 * time.Second
)

// Settled is [Memory] once it has not moved by more than 1 % for 2 seconds, or
// after 20.
func Settled(ctx context.Context, pids []int) (int64, error) {
	var last []int64
	for deadline := time.Now().Add(settleMost); ; {
		now, err := Memory(pids)
		if err != nil {
			return 0, err
		}
		if last = append(last, now); len(last) > settleSteps {
			last = last[1:]
			if isSteady(last) || time.Now().After(deadline) {
				return now, nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(settleStep):
		}
	}
}

func isSteady(values []int64) bool {
	least, most := values[0], values[0]
	for _, v := range values {
		least, most = min(least, v), max(most, v)
	}
	return most-least <= most/100
}
