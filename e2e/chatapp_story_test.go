package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// TestChatApp has people in browsers of their own talk by two gateways.
func TestChatApp(t *testing.T) {
	t.Parallel()
	app := startExample(t, "chat", redistest.Start(t).URL(""))
	one, two := app.gateway("Caddyfile"), app.gateway("Caddyfile")

	ann := comeIn(t, one.Addr, "Ann")
	ann.awaitSees("#about", "Only you are here")
	ann.say("Is anyone here?")
	ben := comeIn(t, two.Addr, "Bén 🍰") // who reads what was said before
	ben.awaitTexts("Is anyone here?")
	ben.awaitSees("#about", "You and Ann are here")
	ann.awaitSees(".note", "Bén 🍰 came in")
	ann.awaitSees("#about", "You and Bén 🍰 are here")

	ben.say(`<b onclick="alert(1)">Yes</b> & 👋`)
	ann.awaitTexts("Is anyone here?", `<b onclick="alert(1)">Yes</b> & 👋`)
	ann.awaitSees("#said", "Bén 🍰: <b") // for a screen reader
	ann.say("/me waves")
	ben.awaitTexts("Is anyone here?", `<b onclick="alert(1)">Yes</b> & 👋`, "Ann waves")

	// A room for two, by keyboard alone; whoever is elsewhere sees that it is unread.
	ann.await(entry("Bén 🍰") + `?.dataset.online !== undefined`)
	ann.do(chromedp.Evaluate[chromedp.Void](entry("Bén 🍰") + `.querySelector("a").focus()`))
	ann.do(chromedp.Func(pressEnter))
	ann.await(`document.querySelector("#room").textContent === "Bén 🍰"`)
	ann.awaitState("live")
	ann.awaitSees("#about", "is online")
	ann.say("Between us")
	ben.await(entry("Ann") + `.querySelector(".unread").hidden === false`)
	ben.goTo("Ann")
	ben.awaitTexts("Between us")
	ben.await(entry("Ann") + `.querySelector(".unread").hidden`)
	ann.awaitSees("#about", "is here")
	private := eval[string](ann.tab, `location.hash.slice(1)`)

	// A third is refused, whichever way.
	cem := comeIn(t, two.Addr, "Cem")
	cem.await(entry("Ann") + ` !== undefined`)
	id := eval[string](cem.tab, entry("Ann")+`.dataset.id`)
	for path, accept := range map[string]string{
		"/api/chat/rooms/" + private:                         "*/*",
		"/api/chat/rooms/" + private + "/messages":           "*/*",
		"/api/chat/rooms/" + private + "/presence":           "application/json",
		"/api/chat/rooms/" + private + "/subscribe?userId=3": "text/event-stream",
		"/api/chat/rooms/lobby/subscribe?userId=" + id:       "text/event-stream",
	} {
		if status := cem.ask("GET", path, accept, ""); status != 403 {
			t.Errorf("Cem asks for %s, and is answered %d", path, status)
		}
	}
	if status := cem.ask("GET", "/api/chat/rooms/lobby/subscribe?userId=3", "text/event-stream", ""); status != 200 {
		t.Errorf("Cem may not subscribe to the lobby: %d", status)
	}
	cem.do(chromedp.Evaluate[chromedp.Void](`location.hash = ` + fmt.Sprintf("%q", url.PathEscape(private))))
	cem.awaitSees("#notice", "this room is for two")

	ben.do(chromedp.Navigate("about:blank"))
	ann.awaitSees("#about", "is away")
}

// TestChatAppRooms makes rooms, and deletes them.
func TestChatAppRooms(t *testing.T) {
	t.Parallel()
	app := startExample(t, "chat", redistest.Start(t).URL(""))
	one, two := app.gateway("Caddyfile"), app.gateway("Caddyfile")
	ann, ben := comeIn(t, one.Addr, "Ann"), comeIn(t, two.Addr, "Ben")

	ann.press("#new-room")
	ann.await(`document.activeElement.id === "room-name"`)
	ann.typeInto("#room-name", "Kitchen")
	ann.await(`document.querySelector("#room").textContent === "Kitchen"`)
	ann.say("Coffee is ready")
	ben.await(entry("Kitchen") + `?.querySelector(".unread").hidden === false`)
	ben.goTo("Kitchen")
	ben.awaitTexts("Coffee is ready")
	if !eval[bool](ben.tab, `document.querySelector("#delete").hidden`) {
		t.Error("Ben is offered to delete the room that Ann made")
	}

	// Subscribing to a room that is not there creates it.
	ben.do(chromedp.Evaluate[chromedp.Void](`location.hash = "garden"`))
	ben.await(`document.querySelector("#room").textContent === "garden" && !document.querySelector("#delete").hidden`)
	ann.await(entry("garden") + ` !== undefined`)
	ben.goTo("Kitchen")

	// First she keeps it: the focus is where nothing is lost.
	ann.press("#delete")
	ann.await(`document.querySelector("#delete-dialog").open && document.activeElement.value === "keep"`)
	ann.do(chromedp.Func(pressEnter))
	ann.await(`!document.querySelector("#delete-dialog").open`)
	ann.press("#delete")
	ann.press("#delete-dialog [value=delete]")
	for _, who := range []person{ann, ben} {
		who.await(`document.querySelector("#room").textContent === "Lobby"`)
		who.await(entry("Kitchen") + ` === undefined`)
	}
	ben.awaitSees("#notice", "Ann has deleted the room “Kitchen”")
}

// TestChatAppOffline is away while others talk, in each way there is.
func TestChatAppOffline(t *testing.T) {
	t.Parallel()
	app := startExample(t, "chat", redistest.Start(t).URL(""))
	one, two := app.gateway("Caddyfile"), app.gateway("Caddyfile")
	network := lay(t, two.Addr)
	ann, ben := comeIn(t, one.Addr, "Ann"), comeIn(t, network.addr, "Ben")
	ann.say("one")
	ben.awaitTexts("one")

	// His gateway dies, and says no goodbye. The load balancer knows another.
	two.Kill()
	ben.awaitState("reconnecting")
	ann.say("two")
	ann.say("three")
	ann.awaitTexts("one", "two", "three")
	network.lead(one.Addr)
	ben.awaitState("live")
	ben.awaitTexts("one", "two", "three")

	// There is no network. What he says meanwhile is kept for another try.
	network.cut()
	ben.awaitState("reconnecting")
	ben.say("into the void")
	ben.awaitSees("#composer .trouble", "not sent: there is no connection")
	if kept := eval[string](ben.tab, `document.querySelector("#text").value`); kept != "into the void" {
		t.Errorf("what was not sent is kept as %q", kept)
	}
	ann.say("four")
	network.mend()
	ben.awaitTexts("one", "two", "three", "four")
	ben.say("five")
	for _, who := range []person{ann, ben} {
		who.awaitTexts("one", "two", "three", "four", "five")
	}
}

// TestChatAppWhileRedisIsAway says things while Redis is away.
func TestChatAppWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	app := startExample(t, "chat", redis.URL(""))
	g := app.gateway("Caddyfile")
	ann, ben := comeIn(t, g.Addr, "Ann"), comeIn(t, g.Addr, "Ben")
	redis.Kill()
	ben.awaitState("paused") // though his connection stands
	ann.say("saved all the same")
	ann.awaitTexts("saved all the same")
	ann.awaitSees("#composer .trouble", "as soon as Redis is back")
	redis.Restart()
	ben.awaitTexts("saved all the same")
	ben.awaitState("live")
}

// TestChatAppRestart restarts the app: who is connected stays, and who comes
// back meanwhile is told to come again.
func TestChatAppRestart(t *testing.T) {
	t.Parallel()
	app := startExample(t, "chat", redistest.Start(t).URL(""))
	g := app.gateway("Caddyfile")
	network := lay(t, g.Addr)
	ann, ben := comeIn(t, g.Addr, "Ann"), comeIn(t, network.addr, "Ben")
	app.kill()
	network.cut()
	network.mend()
	ben.awaitState("busy")
	ann.awaitState("live")
	app.run()
	ann.say("here again") // by the cookie that she has
	ben.awaitState("live")
	ben.awaitTexts("here again")
}

// TestChatAppEarlier scrolls up to the room's first message.
func TestChatAppEarlier(t *testing.T) {
	t.Parallel()
	app := startExample(t, "chat", redistest.Start(t).URL(""))
	ann := comeIn(t, app.gateway("Caddyfile").Addr, "Ann")
	const total = 110
	for i := 1; i <= total; i += 10 { // each call has its own time
		ann.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(async () => {
			for (let i = %d; i < %d; i++)
				await fetch("/api/chat/rooms/lobby/messages", {method: "POST", body: JSON.stringify({text: "line " + i})});
		})()`, i, min(i+10, total+1)), chromedp.EvalAwaitPromise))
	}
	ann.await(fmt.Sprintf(`document.querySelectorAll(".message").length === %d`, total))

	ann.do(chromedp.Reload())
	ann.awaitState("live")
	ann.await(`document.querySelectorAll(".message").length === 50`)
	if last := ann.texts()[49]; last != fmt.Sprint("line ", total) {
		t.Errorf("the last message is %q", last)
	}
	top := `document.querySelector("#log").scrollTop`
	first := `[...document.querySelectorAll(".message")].find(item => item.textContent.includes("line 61")).getBoundingClientRect().top`
	ann.await(top + ` > 500`)
	ann.do(chromedp.Evaluate[chromedp.Void](top + ` = 100`))
	before := eval[float64](ann.tab, first)
	ann.await(`document.querySelectorAll(".message").length === 100`)
	if moved := eval[float64](ann.tab, first) - before; moved < -60 || moved > 60 {
		t.Errorf("what is read moves by %v pixels when earlier messages come", moved)
	}
	ann.press("#earlier") // by keyboard
	ann.await(fmt.Sprintf(`document.querySelectorAll(".message").length === %d && document.querySelector("#earlier").hidden`, total))
	for i, text := range ann.texts() {
		if text != fmt.Sprint("line ", i+1) {
			t.Fatalf("message %d is %q", i+1, text)
		}
	}
}

// TestChatAppNoRedis has the gateway publish what an app answers that knows
// nothing of Redis.
func TestChatAppNoRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	app := startExample(t, "chat", redis.URL(""), "--no-redis")
	one, two := app.gateway("Caddyfile.no-redis"), app.gateway("Caddyfile.no-redis")
	ann, ben := comeIn(t, one.Addr, "Ann"), comeIn(t, two.Addr, "Ben")
	ann.say("by the gateway")
	ben.awaitTexts("by the gateway")

	two.Kill()
	ann.say("missed")
	ann.awaitTexts("by the gateway", "missed")
	two.Run()
	ben.awaitTexts("by the gateway", "missed")

	ann.goTo("Ben")
	ann.say("Between us")
	ben.await(entry("Ann") + `?.querySelector(".unread").hidden === false`)
	ben.goTo("Ann")
	ben.awaitTexts("Between us")
	private := eval[string](ann.tab, `location.hash.slice(1)`)

	// What the app refuses is not published.
	stored := func() int64 { return redis.Do("XLEN", "chat:"+private).(int64) }
	before := stored()
	cem := comeIn(t, two.Addr, "Cem")
	if status := cem.ask("POST", "/api/chat/rooms/"+private+"/messages", "*/*", `{"text": "let me in"}`); status != 403 {
		t.Errorf("Cem speaks in a room for two, and is answered %d", status)
	}
	if after := stored(); after != before {
		t.Errorf("what Cem said was stored: %d events, not %d", after, before)
	}

	ann.press("#delete")
	ann.press("#delete-dialog [value=delete]")
	for _, who := range []person{ann, ben} {
		who.await(`document.querySelector("#room").textContent === "Lobby"`)
	}
	ben.awaitSees("#notice", "Ann has deleted your conversation")
}

// TestChatAppPhone has nothing wider than a phone.
func TestChatAppPhone(t *testing.T) {
	t.Parallel()
	app := startExample(t, "chat", redistest.Start(t).URL(""))
	g := app.gateway("Caddyfile")
	ann := comeIn(t, g.Addr, "Ann")
	ann.do(chromedp.EmulateViewport(390, 780, chromedp.EmulateMobile))
	isNarrow := func(where string) {
		t.Helper()
		if width := eval[int](ann.tab, `document.documentElement.scrollWidth`); width > 390 {
			t.Errorf("%s is %d pixels wide", where, width)
		}
	}
	isNarrow("the room")
	ann.press("#back")
	ann.await(`document.body.dataset.view === "list"`)
	isNarrow("the list")
	ann.goTo("Lobby")
	ann.await(`document.body.dataset.view === "room"`)
	ann.say(strings.Repeat("Donaudampfschifffahrtsgesellschaft", 5))
	ann.await(`document.querySelectorAll(".message").length === 1`)
	isNarrow("a long word")
}
