// Package report sums up what was measured.
package report

import (
	"math"
	"slices"
)

// A Sample is what one server did in one round.
type Sample struct {
	// CPUPerDelivery is in microseconds, user space and kernel.
	CPUPerDelivery float64 `json:"cpu_per_delivery_us"`
	// PerSecond is deliveries in each second.
	PerSecond float64 `json:"deliveries_per_second"`
	// P50 and P99 are in milliseconds.
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	// Idle and Busy are what a subscriber adds to the server's memory, in KiB.
	Idle float64 `json:"idle_kib"`
	Busy float64 `json:"busy_kib"`
	// CPUPerConnect is in microseconds.
	CPUPerConnect float64 `json:"cpu_per_connect_us"`

	Published uint64 `json:"published"`
	Received  uint64 `json:"received"`
	Missing   uint64 `json:"missing"`
	Repeated  uint64 `json:"repeated"`
	// Ended is how many connections the server did not keep open.
	Ended   int    `json:"ended"`
	Failure string `json:"failure,omitempty"`
	// Stalled is how many who never read were still there at the end.
	Stalled int `json:"stalled"`

	// ServerCores, ClientCores and OtherCores are how many CPU cores the server,
	// the subscribers, and all else that runs on the machine kept busy.
	ServerCores float64 `json:"server_cores"`
	ClientCores float64 `json:"client_cores"`
	OtherCores  float64 `json:"other_cores"`
}

// A metric is a number of a sample that the table has a column for.
type metric[S any] struct {
	heading string
	of      func(*S) *float64
	// digits are those after the point.
	digits int
	// least is the smallest value that others are divided by.
	least float64
}

var metrics = []metric[Sample]{
	{"CPU per delivery, µs", func(s *Sample) *float64 { return &s.CPUPerDelivery }, 2, 0.01},
	{"deliveries/s", func(s *Sample) *float64 { return &s.PerSecond }, 0, 1},
	{"p50, ms", func(s *Sample) *float64 { return &s.P50 }, 1, 0.01},
	{"p99, ms", func(s *Sample) *float64 { return &s.P99 }, 1, 0.01},
	{"memory idle, KiB", func(s *Sample) *float64 { return &s.Idle }, 1, 1},
	{"memory busy, KiB", func(s *Sample) *float64 { return &s.Busy }, 1, 1},
	{"CPU per connect, µs", func(s *Sample) *float64 { return &s.CPUPerConnect }, 0, 1},
}

// A Result is a server's samples, one each round.
type Result struct {
	Server  string   `json:"server"`
	Median  Sample   `json:"median"`
	Samples []Sample `json:"rounds"`
}

// NewResult sums samples up: medians of what is measured, sums of what is
// counted.
func NewResult(server string, samples []Sample) Result {
	r := Result{Server: server, Samples: samples}
	for _, of := range []func(*Sample) *float64{
		func(s *Sample) *float64 { return &s.ServerCores },
		func(s *Sample) *float64 { return &s.ClientCores },
		func(s *Sample) *float64 { return &s.OtherCores },
	} {
		*of(&r.Median) = median(samples, of)
	}
	for _, m := range metrics {
		*m.of(&r.Median) = median(samples, m.of)
	}
	for _, s := range samples {
		r.Median.Published += s.Published
		r.Median.Received += s.Received
		r.Median.Missing += s.Missing
		r.Median.Repeated += s.Repeated
		r.Median.Ended += s.Ended
		r.Median.Stalled += s.Stalled
		if r.Median.Failure == "" {
			r.Median.Failure = s.Failure
		}
	}
	return r
}

func median[S any](samples []S, of func(*S) *float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	values := make([]float64, len(samples))
	for i := range samples {
		values[i] = *of(&samples[i])
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
