package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A person is somebody in the chat, at a browser of their own.
type person struct {
	*tab
	name string
}

// comeIn signs in, and waits until the lobby is live.
func comeIn(t testing.TB, addr, name string) person {
	t.Helper()
	p := person{openTabApart(t, "http://"+addr+"/"), name}
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

// plain is JavaScript for an element's text without what keeps the directions of
// names apart.
const plain = `.textContent.replace(/[\u2068\u2069]/g, "")`

// texts are the messages that the page shows, in their order.
func (p person) texts() []string {
	p.t.Helper()
	return eval[[]string](p.tab, `[...document.querySelectorAll(".message .text")].map(text => text`+plain+`)`)
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
	p.await(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(element => element%s.includes(%q))`, selector, plain, text))
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
