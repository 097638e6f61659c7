package freeport

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const each = 500

// claimsEnv is set for the other process of TestProcesses.
const claimsEnv = "FREEPORT_CLAIMS"

func TestMain(m *testing.M) {
	if os.Getenv(claimsEnv) == "" {
		os.Exit(m.Run())
	}
	for range each {
		addr, err := Claim()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(addr)
	}
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // the end of the test ends this process
}

// Test processes run at once, one a package, and none may get an address of
// another.
func TestProcesses(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), claimsEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error("the other process: ", err)
		}
	})
	owner := make(map[string]string)
	claim := func(who, addr string) {
		if other := owner[addr]; other != "" {
			t.Errorf("%s was given to %s and to %s", addr, other, who)
		}
		owner[addr] = who
	}
	lines := bufio.NewReader(out)
	for range each {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		claim("the other process", strings.TrimSpace(line))
	}
	for range each {
		addr, err := Claim()
		if err != nil {
			t.Fatal(err)
		}
		claim("this process", addr)
	}
}
