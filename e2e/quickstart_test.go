package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// TestQuickstart is what the quickstart promises, as it stands.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	c := startEmbedded(t, "..")
	lines := strings.Split(strings.TrimSpace(c.Log()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, `"http://localhost:`+c.port()+`"`) || strings.Count(last, "http") != 1 || len(lines) > 3 {
		t.Errorf("the start ends with %q", lines)
	}
	ann, ben := c.enter("Ann"), c.enter("Ben")

	rooms := eval[[]string](ann.tab, `[...document.querySelectorAll("#rooms a")].map(a => a.firstChild.textContent)`)
	if want := []string{"Lobby", "Kitchen"}; !slices.Equal(rooms, want) {
		t.Fatalf("the rooms are %q, not %q", rooms, want)
	}

	ann.say("Hello, is this on?")
	for _, who := range []chatter{ann, ben} {
		m := who.awaitMessage("Ann", "Hello, is this on?")
		if !regexp.MustCompile(`^\d?\d:\d\d`).MatchString(m.Shown) || time.Since(m.Time).Abs() > time.Minute {
			t.Errorf("the message's time is shown as %q, and is %s", m.Shown, m.Time)
		}
	}
	ben.say(`<b onclick="alert(1)">Yes</b> & 👋`)
	ann.awaitMessage("Ben", `<b onclick="alert(1)">Yes</b> & 👋`)

	c.publish("chat:lobby", "hello from a terminal")
	c.publish("chat:kitchen", "nobody is here")
	gatewaytest.Do(t, "POST", "http://"+c.Addr+"/say/lobby", "hello by curl")
	c.publish("chat:lobby", `{"a": "JSON of another kind"}`)
	for _, who := range []chatter{ann, ben} {
		who.awaitMessage("redis-cli", `{"a": "JSON of another kind"}`)
		if n := len(who.messages()); n != 5 {
			t.Errorf("%s sees %d messages, not 5", who.name, n)
		}
	}
	c.Stop() // two tabs do not hold it up
}

// TestQuickstartAfterCrash has a gateway that dies and comes back.
func TestQuickstartAfterCrash(t *testing.T) {
	t.Parallel()
	c := startEmbedded(t, "..")
	ann, ben := c.enter("Ann"), c.enter("Ben")
	both := []chatter{ann, ben}
	ann.say("before")
	ben.awaitMessage("Ann", "before")

	c.Kill()
	for _, who := range both {
		who.awaitState("reconnecting")
	}
	ann.say("into the void")
	ann.await(`document.querySelector("#trouble").textContent.includes("not sent")`)
	if kept := eval[string](ann.tab, `document.querySelector("#text").value`); kept != "into the void" {
		t.Errorf("what was not sent is kept as %q", kept)
	}

	c.Run()
	for _, who := range both {
		who.awaitState("live")
	}
	c.awaitListener("chat:lobby")
	ann.say("after")
	c.publish("chat:lobby", "and from Redis") // after: say returns before it is sent
	for _, who := range both {
		redistest.Await(t, "both messages", func() bool { return len(who.messages()) == 3 })
		texts := []string{}
		for _, m := range who.messages() {
			texts = append(texts, m.Text)
		}
		slices.Sort(texts[1:])
		if want := []string{"before", "after", "and from Redis"}; !slices.Equal(texts, want) {
			t.Errorf("%s sees %q, not %q", who.name, texts, want)
		}
	}
}

// TestQuickstartRealRedis changes the one line, as the example says.
func TestQuickstartRealRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	example, err := os.ReadFile(filepath.Join(quickstart, "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	caddyfile := strings.NewReplacer(
		"redis {$REDIS:embedded}", "",
		"# redis redis://localhost:6379", "redis redis://"+server.Addr,
	).Replace(string(example))
	c := startChat(t, quickstart, writeCaddyfile(t, caddyfile), server.Addr)

	ann, ben := c.enter("Ann"), c.enter("Ben")
	ann.say("a real one")
	ben.awaitMessage("Ann", "a real one")
	c.publish("chat:lobby", "said by Redis")
	ann.awaitMessage("redis-cli", "said by Redis")
	ben.awaitMessage("redis-cli", "said by Redis")

	server.Kill()
	ann.awaitState("paused")
	late := chatter{openTab(t, "http://"+c.Addr+"/"), "Late"}
	late.awaitState("paused")
	server.Restart()
	late.awaitState("live")
	for _, who := range []chatter{ann, ben} {
		who.await(`document.querySelector("#log .gap")?.textContent === "You may have missed messages"`)
		who.awaitState("live")
	}
	c.awaitListener("chat:lobby")
	ben.say("it came back")
	ann.awaitMessage("Ben", "it came back")
	c.Stop()
}

// TestQuickstartRooms goes from room to room, with names that are remembered.
func TestQuickstartRooms(t *testing.T) {
	t.Parallel()
	c := startEmbedded(t, quickstart)
	ann, someone := c.enter("Ann"), c.enter("")
	if name := eval[string](someone.tab, `document.querySelector("#name").value`); name != "Ann" {
		t.Errorf("the name that was typed is remembered as %q", name)
	}
	someone.say("in the lobby")
	ann.await(`document.querySelectorAll("#log .message").length === 1`)

	// By keyboard alone: Enter follows the link that has the focus.
	ann.press("#rooms li:nth-child(2) a")
	ann.await(`document.querySelector("#room").textContent === "Kitchen" && !document.querySelector("#log .message")`)
	ann.awaitState("live")
	c.publish("chat:lobby", "not for the kitchen")
	c.publish("chat:kitchen", "coffee is ready")
	ann.awaitMessage("redis-cli", "coffee is ready")
	if n := len(ann.messages()); n != 1 {
		t.Errorf("the kitchen has %d messages, not 1", n)
	}
	if command := eval[string](ann.tab, `document.querySelector("#command").textContent`); command != `redis-cli PUBLISH chat:kitchen "hello"` {
		t.Errorf("the command for the kitchen is %s", command)
	}

	ann.press("#rooms li:nth-child(1) a")
	ann.await(`document.querySelector("#log .gap")?.textContent === "You were in another room"`)
	if n := len(ann.messages()); n != 1 {
		t.Errorf("the lobby has %d messages after coming back, not 1", n)
	}
}

// TestQuickstartPage is what may befall the page besides talk.
func TestQuickstartPage(t *testing.T) {
	t.Parallel()
	c := startEmbedded(t, quickstart)
	const rtl, long, text = "مريم 7", "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "مرحبا, 8:30!"
	ann, meryem := c.enter(long), c.enter(rtl)

	// Names of all kinds leave what is around them as it is.
	c.publish("chat:lobby", strings.Repeat("W", 200))
	meryem.say(text)
	ann.awaitMessage(rtl, text)
	message := `[...document.querySelectorAll(".message")].find(item => item.querySelector(".text").textContent === "` + text + `")`
	for what, expression := range map[string]string{
		"the time comes after the name": `(item => item.querySelector(".name").getBoundingClientRect().right <= item.querySelector("time").getBoundingClientRect().left
			&& item.querySelector("time").getClientRects().length === 1)(` + message + `)`,
		"the text goes from right to left": `getComputedStyle(` + message + `.querySelector(".text")).direction === "rtl"`,
	} {
		if !eval[bool](ann.tab, expression) {
			t.Error("it is not so that ", what)
		}
	}
	for _, width := range []int{phone, desktop} {
		ann.resize(width)
		ann.fits("the page", width, "#name", "#state", "#composer button")
	}

	// With an input method, Enter ends a word, and not the message.
	ann.do(chromedp.SendKeys(chromedp.CSS("#text"), "안녕하세요"))
	ann.composes("#text")
	ann.do(chromedp.Func(pressEnter))
	meryem.awaitMessage(long, "안녕하세요")

	// Where other tabs have all of the browser's connections, nothing is lost, and
	// it is said.
	ann.crowd("/api/chat/rooms/lobby/subscribe", 2)
	ann.say("kept")
	ann.await(`document.querySelector("#trouble").textContent.includes("close some tabs")`)
	if kept := eval[string](ann.tab, `document.querySelector("#text").value`); kept != "kept" {
		t.Errorf("what was not sent is kept as %q", kept)
	}
	ann.press("#rooms li:nth-child(2) a")
	ann.awaitState("waiting")
	ann.await(`document.querySelector("#trouble").textContent.includes("hears nothing yet")`)
	ann.leave()
	ann.awaitState("live")
	ann.await(`document.querySelector("#trouble").textContent === ""`)
}
