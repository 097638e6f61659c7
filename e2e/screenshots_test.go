package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"

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

	c.Kill()
	ann.awaitState("reconnecting")
	ann.say("Anyone?")
	ann.await(`document.querySelector("#trouble").textContent !== ""`)
	ann.takePictures(dir, "quickstart-away")
}

// takePictures takes one of each size and colour scheme.
func (p *tab) takePictures(dir, name string) {
	p.t.Helper()
	sizes := map[string]chromedp.Action[chromedp.Void]{
		"desktop": chromedp.EmulateViewport(1280, 800),
		"phone":   chromedp.EmulateViewport(390, 780, chromedp.EmulateScale(2), chromedp.EmulateMobile),
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
