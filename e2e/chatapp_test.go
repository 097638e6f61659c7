package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// chatExample is the example's folder.
var chatExample, _ = filepath.Abs("../caddyfile-examples/chat")

// buildChatApp compiles the example's app once.
var buildChatApp = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "caddy-sse-chat")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "chat")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = chatExample
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// A chatApp is the example's app, running, behind any number of gateways.
type chatApp struct {
	t        testing.TB
	port     string
	redisURL string
	database string
	flags    []string
	cmd      *exec.Cmd
	log      *os.File
}

// startChatApp runs the app with a fresh database until the test ends.
func startChatApp(t testing.TB, redisURL string, flags ...string) *chatApp {
	t.Helper()
	_, port, _ := net.SplitHostPort(redistest.FreeAddr(t))
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	a := &chatApp{t: t, port: port, redisURL: redisURL, database: filepath.Join(dir, "chat.db"), flags: flags, log: log}
	t.Cleanup(func() {
		a.kill()
		log.Close()
		if said, err := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("the app's log: %s (%v)", said, err)
		}
	})
	a.run()
	return a
}

// run runs the app, after [chatApp.kill] on the same port and database.
func (a *chatApp) run() {
	a.t.Helper()
	binary, err := buildChatApp()
	if err != nil {
		a.t.Fatal(err)
	}
	a.cmd = exec.Command(binary, a.flags...)
	a.cmd.Env = append(os.Environ(), "APP_PORT="+a.port, "REDIS_URL="+a.redisURL, "DATABASE="+a.database)
	a.cmd.Stderr = a.log
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	redistest.Await(a.t, "the app to listen", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+a.port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (a *chatApp) kill() {
	_ = a.cmd.Process.Kill() // it may have ended
	_ = a.cmd.Wait()
}

// gateway runs the example's Caddyfile of that name in front of the app.
func (a *chatApp) gateway(caddyfile string) *gatewaytest.Gateway {
	a.t.Helper()
	return gatewaytest.StartFile(a.t, chatExample, filepath.Join(chatExample, caddyfile), "APP_PORT="+a.port, "REDIS_URL="+a.redisURL)
}

// A person is somebody in the chat, at a browser of their own.
type person struct {
	*tab
	name string
}

// comeIn signs in, and waits until the lobby is live.
func comeIn(t testing.TB, addr, name string) person {
	t.Helper()
	p := person{openTab(t, "http://"+addr+"/", chromedp.WithNewBrowserContext()), name}
	p.await(`document.body.dataset.view === "start" && document.activeElement.id === "name"`)
	p.typeInto("#name", name)
	p.awaitState("live")
	p.await(`document.querySelector("#about").textContent.startsWith("You") || document.querySelector("#about").textContent.startsWith("Only")`)
	return p
}

func (p person) awaitState(state string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`document.querySelector("#state").dataset.is === %q`, state))
}

func (p person) say(text string) {
	p.t.Helper()
	p.typeInto("#text", text)
}

// texts are the messages that the page shows, in their order.
func (p person) texts() []string {
	p.t.Helper()
	return eval[[]string](p.tab, `[...document.querySelectorAll(".message .text")].map(text => text.textContent)`)
}

// awaitTexts waits until the page shows these messages, and no others.
func (p person) awaitTexts(want ...string) {
	p.t.Helper()
	var got []string
	redistest.Await(p.t, fmt.Sprintf("%q at %s", want, p.name), func() bool {
		got = p.texts()
		return len(got) >= len(want)
	})
	if strings.Join(got, "|") != strings.Join(want, "|") {
		p.t.Errorf("%s sees %q, not %q", p.name, got, want)
	}
}

// awaitSees waits until an element's text has this in it.
func (p person) awaitSees(selector, text string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(element => element.textContent.includes(%q))`, selector, text))
}

// entry is JavaScript for the entry of a room or a person at the side.
func entry(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".lists li")].find(item => item.querySelector(".label").textContent === %q)`, name)
}

// goTo clicks a room or a person at the side, and waits until it is open.
func (p person) goTo(name string) {
	p.t.Helper()
	p.await(entry(name) + ` !== undefined`)
	p.do(chromedp.Evaluate[chromedp.Void](entry(name) + `.querySelector("a").click()`))
	p.await(fmt.Sprintf(`document.querySelector("#room").textContent === %q`, name))
	p.awaitState("live")
}

// ask has the page send a request, with its cookie, and returns the status.
func (p person) ask(method, path, accept, body string) int {
	p.t.Helper()
	return value(p.tab, chromedp.Evaluate[int](fmt.Sprintf(`
		fetch(%q, {method: %q, headers: {Accept: %q}, body: %q || undefined}).then(async answer => {
			await answer.body?.cancel(); // of a subscription there is no end to wait for
			return answer.status;
		})`, path, method, accept, body), chromedp.EvalAwaitPromise))
}
