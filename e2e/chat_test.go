package e2e

import (
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A chat is the quickstart, running.
type chat struct {
	*gatewaytest.Gateway
	t     testing.TB
	redis *redis.Client
}

// quickstart is the example's folder.
var quickstart, _ = filepath.Abs("../caddyfile-examples/quickstart")

// startChat runs the quickstart, or a Caddyfile made from it, with the Redis
// that it uses at redisAddr.
func startChat(t testing.TB, dir, caddyfile, redisAddr string, env ...string) *chat {
	t.Helper()
	_, port, _ := net.SplitHostPort(redistest.FreeAddr(t))
	g := gatewaytest.StartFile(t, dir, caddyfile, append(env, "APP_PORT="+port)...)
	client := redis.NewClient(&redis.Options{Addr: redisAddr, Protocol: 2})
	t.Cleanup(func() { _ = client.Close() })
	return &chat{g, t, client}
}

// startEmbedded runs the quickstart as it stands, on free ports.
func startEmbedded(t testing.TB, dir string) *chat {
	t.Helper()
	addr := redistest.FreeAddr(t)
	return startChat(t, dir, filepath.Join(quickstart, "Caddyfile"), addr, "REDIS=embedded "+addr)
}

// port is the gateway's.
func (c *chat) port() string {
	_, port, _ := net.SplitHostPort(c.Addr) // it is one
	return port
}

// publish says something as any Redis client can.
func (c *chat) publish(channel, payload string) {
	c.t.Helper()
	if err := c.redis.Publish(c.t.Context(), channel, payload).Err(); err != nil {
		c.t.Fatal(err)
	}
}

// awaitListener waits until a gateway hears the channel, which it does not
// while it looks for a Redis that has just come back.
func (c *chat) awaitListener(channel string) {
	c.t.Helper()
	redistest.Await(c.t, "a gateway that hears "+channel, func() bool {
		heard, err := c.redis.PubSubNumSub(c.t.Context(), channel).Result()
		return err == nil && heard[channel] == 1
	})
}

// A chatter is someone in the chat: a tab with a name.
type chatter struct {
	*tab
	name string
}

// A message is one that a page shows.
type message struct {
	Name string `json:"name"`
	Text string `json:"text"`
	Mine bool   `json:"mine"`
	// Shown is the time as people read it, Time as machines do.
	Shown string    `json:"shown"`
	Time  time.Time `json:"time"`
}

// enter opens the page in a new tab, and waits until it listens.
func (c *chat) enter(name string) chatter {
	c.t.Helper()
	who := chatter{openTab(c.t, "http://"+c.Addr+"/"), name}
	who.awaitState("live")
	c.awaitListener("chat:lobby")
	if name != "" {
		who.typeInto("#name", name)
	}
	return who
}

func (who chatter) say(text string) {
	who.t.Helper()
	who.typeInto("#text", text)
}

// awaitState waits until the page shows this state of its connection.
func (who chatter) awaitState(state string) {
	who.t.Helper()
	who.await(`document.querySelector("#state").textContent === "` + state + `"`)
}

// messages are those that the page shows.
func (who chatter) messages() []message {
	who.t.Helper()
	return eval[[]message](who.tab, `[...document.querySelectorAll("#log .message")].map(m => ({
		name: m.querySelector(".name").textContent,
		text: m.querySelector(".text").textContent,
		mine: m.classList.contains("mine"),
		shown: m.querySelector("time").textContent,
		time: m.querySelector("time").dateTime,
	}))`)
}

// awaitMessage waits for a message, which has to be there once, and to be the
// page's own or not.
func (who chatter) awaitMessage(name, text string) message {
	who.t.Helper()
	isIt := func(m message) bool { return m.Name == name && m.Text == text }
	redistest.Await(who.t, name+" saying "+text, func() bool { return slices.ContainsFunc(who.messages(), isIt) })
	all := who.messages()
	m := all[slices.IndexFunc(all, isIt)]
	if m.Mine != (name == who.name) {
		who.t.Errorf("%q of %s is the page's own to %s: %t", text, name, who.name, m.Mine)
	}
	if slices.IndexFunc(all, isIt) != len(all)-1 {
		who.t.Errorf("%q stands there twice, or is not the last of %v", text, all)
	}
	return m
}
