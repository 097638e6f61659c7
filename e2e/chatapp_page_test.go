package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// TestChatAppPage is what may befall the page besides talk.
func TestChatAppPage(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := startExample(t, "chat", redis.URL("")).gateway("Caddyfile")
	for name, test := range map[string]func(*testing.T, *gatewaytest.Gateway, *redistest.Server){
		"long names": chatLongNames, "right to left": chatRightToLeft, "input method": chatInputMethod,
		"no JSON": chatNoJSON, "six tabs": chatSixTabs, "signed out": chatSignedOut, "deleted room": chatDeletedRoom,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, g, redis)
		})
	}
}

// Whatever the names, one gets at all there is.
func chatLongNames(t *testing.T, g *gatewaytest.Gateway, _ *redistest.Server) {
	who := comeIn(t, g.Addr, strings.Repeat("W", 22))
	if status := who.ask("POST", "/api/chat/rooms", "*/*", `{"name": "`+strings.Repeat("M", 40)+`"}`); status != 201 {
		t.Fatal("a new room is answered ", status)
	}
	who.await(entry(strings.Repeat("M", 40)) + ` !== undefined`)
	who.say("Who comes?") // or else nobody is noted
	who.awaitSees(".message .text", "Who comes?")
	comeIn(t, g.Addr, strings.Repeat("Q", 40))
	who.awaitSees(".note", "QQQ")
	who.resize(desktop)
	who.fits("the room", desktop, "#sign-out", "#new-room", "#state", "#composer button.primary")
	who.goTo(strings.Repeat("M", 40))
	who.fits("the room with a long name", desktop, "#sign-out", "#new-room", "#state", "#delete")
	who.resize(phone)
	who.fits("the room with a long name", phone, "#back", "#state", "#delete", "#composer button.primary")
	who.press("#delete")
	who.await(`document.querySelector("#delete-dialog").open`)
	who.fits("the dialog", phone, "#delete-dialog .danger")
	who.press("#delete-dialog [value=keep]")
	who.press("#back")
	who.await(`document.body.dataset.view === "list"`)
	who.fits("the list", phone, "#sign-out", "#new-room")
}

// A name that is written from right to left leaves what is around it as it is.
func chatRightToLeft(t *testing.T, g *gatewaytest.Gateway, _ *redistest.Server) {
	const name, text = "مريم 7", "مرحبا, 8:30!"
	ann := comeIn(t, g.Addr, "Ann of the East")
	ann.say("Who comes?") // or else nobody is noted
	ann.awaitSees(".message .text", "Who comes?")
	meryem := comeIn(t, g.Addr, name)
	ann.await(`[...document.querySelectorAll(".note")].some(note => note.textContent === "\u2068` + name + `\u2069 came in")`)
	ann.await(`document.querySelector("#about").textContent.includes("\u2068` + name + `\u2069")`)
	meryem.say(text)
	const message = `[...document.querySelectorAll(".message")].find(item => item.querySelector(".text").textContent === "` + text + `")`
	ann.await(message + ` !== undefined`)
	for what, expression := range map[string]string{
		"the time comes after the name": `(item => item.querySelector(".name").getBoundingClientRect().right <= item.querySelector("time").getBoundingClientRect().left
			&& item.querySelector("time").getClientRects().length === 1)(` + message + `)`,
		"the text goes from right to left":          `getComputedStyle(` + message + `.querySelector(".text")).direction === "rtl"`,
		"the name in the list ends at its left":     `getComputedStyle(` + entry(name) + `.querySelector(".label")).direction === "rtl"`,
		"the name in the list stands with all else": `getComputedStyle(` + entry(name) + `.querySelector(".label")).textAlign === "left"`,
	} {
		if !eval[bool](ann.tab, expression) {
			t.Error("it is not so that ", what)
		}
	}
	if !eval[bool](meryem.tab, `(item => item.getBoundingClientRect().right - item.querySelector(".text").getBoundingClientRect().right < 1)(`+message+`)`) {
		t.Error("what is hers does not stand at the right, where her own messages are")
	}
}

// With an input method, Enter ends a word, and not the message.
func chatInputMethod(t *testing.T, g *gatewaytest.Gateway, _ *redistest.Server) {
	min := comeIn(t, g.Addr, "민지")
	min.do(chromedp.SendKeys(chromedp.CSS("#text"), "안녕하세요"))
	min.composes("#text")
	if kept := eval[string](min.tab, `document.querySelector("#text").value`); kept != "안녕하세요" {
		t.Errorf("while it is written, the message is %q", kept)
	}
	min.do(chromedp.Func(pressEnter))
	min.awaitSees(".message .text", "안녕하세요")
}

// What others publish is not what the app does, and harms nobody.
func chatNoJSON(t *testing.T, g *gatewaytest.Gateway, redis *redistest.Server) {
	dee := comeIn(t, g.Addr, "Dee")
	for _, data := range []string{"hello", `{"a": 1`, "null", "7", `"text"`, "{}", "[]"} {
		redis.Do("XADD", "chat:lobby", "*", "data", data)
		redis.Do("XADD", "chat:to:everyone", "*", "event", "room.changed", "data", data)
	}
	redis.Do("PUBLISH", "chat:lobby", "go") // both are read
	redis.Do("PUBLISH", "chat:to:everyone", "go")
	dee.say("still here")
	dee.awaitSees(".message .text", "still here")
	dee.awaitState("live")
}

// Where other tabs have all of the browser's connections, nothing is lost, and it
// is said.
func chatSixTabs(t *testing.T, g *gatewaytest.Gateway, _ *redistest.Server) {
	eve := comeIn(t, g.Addr, "Eve")
	if status := eve.ask("POST", "/api/chat/rooms", "*/*", `{"name": "Eve's"}`); status != 201 {
		t.Fatal("a new room is answered ", status)
	}
	eve.await(entry("Eve's") + ` !== undefined`)
	id := value(eve.tab, chromedp.Evaluate[string](`fetch("/api/chat/session").then(answer => answer.json()).then(({ id }) => id)`, chromedp.EvalAwaitPromise))
	eve.crowd("/api/chat/rooms/lobby/subscribe?userId="+id, 1)
	eve.say("kept")
	eve.awaitSees("#composer .trouble", "not sent: there is no answer")
	eve.awaitSees("#composer .trouble", "close some tabs")
	if kept := eval[string](eve.tab, `document.querySelector("#text").value`); kept != "kept" {
		t.Errorf("what was not sent is kept as %q", kept)
	}
	eve.do(chromedp.Evaluate[chromedp.Void](entry("Eve's") + `.querySelector("a").click()`))
	eve.awaitState("waiting")
	eve.awaitSees("#composer .trouble", "hears nothing yet")
	eve.leave()
	eve.awaitState("live")
	eve.await(`document.querySelector("#composer .trouble").textContent === ""`)
	eve.do(chromedp.Focus(chromedp.CSS("#text")), chromedp.Func(pressEnter))
	eve.awaitTexts("kept")
}

// Signing out in one tab is signing out in all, and all have the same session.
func chatSignedOut(t *testing.T, g *gatewaytest.Gateway, _ *redistest.Server) {
	fay := comeIn(t, g.Addr, "Fay")
	second := person{fay.openBeside("http://" + g.Addr + "/"), "Fay"}
	second.awaitState("live")
	fay.press("#sign-out")
	for _, who := range []person{fay, second} {
		who.await(`document.body?.dataset.view === "start" && document.activeElement.id === "name"`)
	}
	fay.typeInto("#name", "Gus")
	second.await(`document.querySelector("#me")?.textContent === "Gus"`)
	fay.awaitState("live")

	// What other tabs cannot know is noticed at the next request.
	fay.do(chromedp.Evaluate[chromedp.Void](`
		document.querySelector("#text").value = "as nobody";
		void fetch("/api/chat/session", {method: "DELETE"}).then(() => document.querySelector("#composer").requestSubmit())`))
	fay.await(`document.body?.dataset.view === "start"`)
}

// Of a deleted room nothing stays in Redis, by the app or by the gateway.
func chatDeletedRoom(t *testing.T, g *gatewaytest.Gateway, redis *redistest.Server) {
	other := redistest.Start(t)
	for _, c := range []struct {
		redis *redistest.Server
		addr  string
	}{
		{redis, g.Addr},
		{other, startExample(t, "chat", other.URL(""), "--no-redis").gateway("Caddyfile.no-redis").Addr},
	} {
		hal := comeIn(t, c.addr, "Hal")
		hal.press("#new-room")
		hal.typeInto("#room-name", "Attic")
		hal.await(`document.querySelector("#room").textContent === "Attic"`)
		hal.awaitState("live")
		hal.say("a secret")
		hal.awaitTexts("a secret")
		key := "chat:" + eval[string](hal.tab, `location.hash.slice(1)`)
		hal.press("#delete")
		hal.press("#delete-dialog [value=delete]")
		hal.await(`document.querySelector("#room").textContent === "Lobby"`)
		redistest.Await(t, "the room's end", func() bool { ttl := c.redis.Do("PTTL", key).(int64); return ttl != -1 && ttl <= 60_000 })
	}
}
