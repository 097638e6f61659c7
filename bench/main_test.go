//go:build linux

package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
)

// TestMain lets the test's binary be the processes that a run starts.
func TestMain(m *testing.M) {
	if process, ok := ownProcess(os.Args[1:]); ok {
		if err := process(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestFloor(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for memory to settle")
	}
	s, err := parseSettings([]string{"-only", "floor", "-subscribers", "60", "-channels", "7", "-duration", "500ms", "-warmup", "100ms", "-burst", "3"})
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := servers.Prepare(t.Context(), servers.Options{Names: s.names})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	sample, err := measure(t.Context(), s, fleet, row{heading: "floor", server: "floor"})
	if err != nil {
		t.Fatal(err)
	}
	if sample.Published != 35 || sample.Received != 300 || sample.Missing != 0 || sample.Repeated != 0 || sample.Ended != 0 {
		t.Errorf("%+v", sample)
	}
	if sample.CPUPerDelivery <= 0 || sample.CPUPerConnect <= 0 || sample.P50 <= 0 || sample.P99 < sample.P50 {
		t.Errorf("%+v", sample)
	}
}

func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the gateway")
	}
	s, err := parseSettings([]string{"-storm", "5", "-only", "h1", "-subscribers", "60", "-channels", "7", "-duration", "100ms", "-warmup", "100ms"})
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := servers.Prepare(t.Context(), servers.Options{Names: s.names})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	for _, name := range []string{naive, "h1"} {
		sample, err := measureStorm(t.Context(), s, fleet, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == naive && sample.Calls["xrange"] != 60 {
			t.Errorf("%+v", sample)
		}
		// 7 at least, but for what is taken off: each channel is read now and then.
		if name == "h1" && (sample.Received != 300 || sample.Missing+sample.Repeated+sample.Gaps != 0 || sample.Ended != 0 ||
			sample.Calls["xrange"] < 4 || sample.Calls["xrange"] > 30) {
			t.Errorf("%+v", sample)
		}
	}
}

func TestSettings(t *testing.T) {
	s, err := parseSettings([]string{
		"-url", "m=http://127.0.0.1:1/a?b=c,d,publish=http://127.0.0.1:1/p,form=topic={channel}&data={payload},auth=Bearer a.b,pid=7,proto=h2",
		"-only", "m,floor", "-duration", "1m", "-streams-per-conn", "10",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := servers.Given{
		Name: "m", URL: "http://127.0.0.1:1/a?b=c,d", HTTP2: true, Publish: "http://127.0.0.1:1/p",
		Form: "topic={channel}&data={payload}", Authorization: "Bearer a.b", PID: 7, PerConnection: 10,
	}
	if s.given["m"] != want {
		t.Errorf("%+v", s.given["m"])
	}
	if fmt.Sprint(s.names) != "[floor m]" || s.Duration != time.Minute {
		t.Errorf("%+v", s)
	}
	for _, bad := range [][]string{
		{"-only", "h4"},
		{"-size", "1"},
		{"-channels", "6000"},
		{"-url", "m"},
		{"-url", "m=http://127.0.0.1,pid=1"},
		{"-url", "m=http://127.0.0.1,publish=x"},
		{"-url", "h1=http://127.0.0.1,publish=x,pid=1"},
	} {
		if _, err := parseSettings(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
