package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// TestScreenshots takes pictures of the quickstart's page, for people to look at.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		t.Skip("E2E_SCREENSHOTS names no directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	server := redistest.Start(t)
	c := startChat(t, "..", filepath.Join(quickstart, "Caddyfile"), server.Addr, "REDIS=redis://"+server.Addr)
	ann, ben := c.enter("Ann Lindqvist"), c.enter("Ben")
	ann.takePictures(dir, "quickstart-empty")

	ann.say("Good morning! Is the cake still there?")
	ben.awaitMessage(ann.name, "Good morning! Is the cake still there?")
	ben.say("Half of it. I hid the other half from the night shift, behind the oat milk.")
	ben.say("You did not hear that from me.")
	ann.awaitMessage("Ben", "You did not hear that from me.")
	ann.say("Hear what? 🍰")
	ben.awaitMessage(ann.name, "Hear what? 🍰")
	c.publish("chat:lobby", "deploy 4f2c9e1 to production: done in 38 s")
	ann.awaitMessage("redis-cli", "deploy 4f2c9e1 to production: done in 38 s")
	server.Restart()
	ann.await(`document.querySelector("#log .gap") !== null`)
	c.awaitListener("chat:lobby")
	ben.say("And it is green. Whoever tries a very long word: Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft fits, too.")
	ann.await(`document.querySelectorAll("#log .message").length === 6`)
	ann.takePictures(dir, "quickstart-talk")

	for _, name := range names {
		body, err := json.Marshal(map[string]any{"name": name, "text": textOf(name), "time": time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		c.publish("chat:lobby", string(body))
	}
	ann.await(`document.querySelectorAll("#log .message").length === 11`)
	ann.typeInto("#name", names[0])
	ann.do(chromedp.SendKeys(chromedp.CSS("#text"), textOf(names[2])))
	ann.takePictures(dir, "quickstart-names")
	ann.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#text").value = ""`))

	c.Kill()
	ann.awaitState("reconnecting")
	ann.say("Anyone?")
	ann.await(`document.querySelector("#trouble").textContent !== ""`)
	ann.takePictures(dir, "quickstart-away")
}

// names are of all kinds: long, and longer without a space, from right to left, in
// another script, and empty, as only other programs have it.
var names = []string{"Hubert Blaine Wolfeschlegelsteinhausen", strings.Repeat("W", 40), "مريم بنت عبد الله 7", "김민지 서울 사무소", ""}

// textOf is what the one of that name says.
func textOf(name string) string {
	switch name {
	case names[2]:
		return "صباح الخير! هل بقيت الكعكة 8:30؟"
	case names[3]:
		return "안녕하세요, 케이크 아직 남아 있어요?"
	case "":
		return "Who am I?"
	}
	return "Good morning from " + name
}

// takePictures takes one of each size and colour scheme.
func (p *tab) takePictures(dir, name string) {
	p.t.Helper()
	sizes := map[string]chromedp.Action[chromedp.Void]{
		"desktop": chromedp.EmulateViewport(desktop, 800),
		"phone":   chromedp.EmulateViewport(phone, 667, chromedp.EmulateScale(2), chromedp.EmulateMobile),
	}
	for _, size := range []string{"phone", "desktop"} { // which it stays
		viewport := sizes[size]
		for _, scheme := range []string{"light", "dark"} {
			p.do(viewport, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{
						{Name: "prefers-color-scheme", Value: scheme},
						{Name: "prefers-reduced-motion", Value: "reduce"},
					},
				})
				return err
			}))
			path := filepath.Join(dir, name+"-"+size+"-"+scheme+".png")
			if err := os.WriteFile(path, value(p, chromedp.CaptureScreenshot()), 0o644); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}
