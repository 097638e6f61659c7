package docstest

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/module/admin"
)

var endpoint = regexp.MustCompile("`(GET|POST|DELETE) (/sse/[^` ]*)`")

// Every endpoint that the docs have answers, and knows its parameters; and every
// one that there is, is there.
func TestDocsNameTheAdminAPI(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, "\tsse {\n\t\tdrain 0\n\t}", "http://{$ADDR} {\n\tsse_subscribe c\n}")
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr)
	var paths []string
	for _, e := range endpoint.FindAllStringSubmatch(allDocs(t), -1) {
		method, url := e[1], strings.Replace(e[2], "<name>", "c", 1)
		path, _, _ := strings.Cut(e[2], "?")
		paths = append(paths, strings.TrimSuffix(path, "<name>"))
		r, text := gatewaytest.Do(t, method, g.Admin+url, "", "Origin: "+g.Admin)
		if r.StatusCode == 404 || r.StatusCode == 405 || strings.Contains(text, "there is no parameter") {
			t.Errorf("%s %s is answered %s %s", method, url, r.Status, text)
		}
	}
	for _, route := range (admin.API{}).Routes() {
		if !slices.Contains(paths, route.Pattern) {
			t.Errorf("the docs lack %s", route.Pattern)
		}
	}
}

var (
	command    = regexp.MustCompile("(?m)(?:^|`)caddy sse ([a-z]+)([^`\n]*)")
	flagName   = regexp.MustCompile(`--[a-z]+`)
	subcommand = regexp.MustCompile(`(?m)^  ([a-z]+) +[A-Z]`)
)

// Every command that the docs have exists, with its flags, and the other way
// round.
func TestDocsNameTheCommands(t *testing.T) {
	t.Parallel()
	help := func(args ...string) string {
		out, err := exec.Command(gatewaytest.Binary(t), append(append([]string{"sse"}, args...), "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	used := make(map[string]string) // what is said behind each
	for _, c := range command.FindAllStringSubmatch(allDocs(t), -1) {
		args, _, _ := strings.Cut(c[2], "#")
		used[c[1]] += args + "\n"
	}
	_, commands, _ := strings.Cut(help(), "Commands:\n")
	commands, _, _ = strings.Cut(commands, "\n\n")
	there := subcommand.FindAllStringSubmatch(commands, -1)
	if len(there) < 6 {
		t.Fatalf("caddy sse has only %q", there)
	}
	for _, c := range there {
		name := c[1]
		own, global, _ := strings.Cut(help(name), "Global Flags:")
		_, own, _ = strings.Cut(own, "\nFlags:")
		for _, flag := range flagName.FindAllString(used[name], -1) {
			if !strings.Contains(own+global, flag+" ") {
				t.Errorf("caddy sse %s has no %s", name, flag)
			}
		}
		if used[name] == "" {
			t.Errorf("the docs lack caddy sse %s", name)
		}
		for _, flag := range flagName.FindAllString(own, -1) {
			if !strings.Contains(used[name], flag) && !strings.Contains(allDocs(t), "`"+flag) && flag != "--help" {
				t.Errorf("the docs lack caddy sse %s %s", name, flag)
			}
		}
		delete(used, name)
	}
	for name := range used {
		t.Errorf("there is no caddy sse %s", name)
	}
}
