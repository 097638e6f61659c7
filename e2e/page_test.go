package e2e

import (
	"fmt"

	"github.com/chromedp/chromedp"
)

// A phone's and a desktop's width, in pixels.
const (
	phone   = 375
	desktop = 1280
)

// resize gives the page the width of a phone or of a desktop.
func (p *tab) resize(width int) {
	p.t.Helper()
	if width == phone {
		p.do(chromedp.EmulateViewport(phone, 667, chromedp.EmulateMobile))
	} else {
		p.do(chromedp.EmulateViewport(desktop, 800))
	}
}

// fits has nothing wider than the page, and these elements wholly in it, with
// nothing over them.
func (p *tab) fits(where string, width int, selectors ...string) {
	p.t.Helper()
	if got := eval[int](p, `document.documentElement.scrollWidth`); got > width {
		p.t.Errorf("%s is %d pixels wide, of %d", where, got, width)
	}
	for _, selector := range selectors {
		if wrong := eval[string](p, fmt.Sprintf(`(element => {
			const { left, right, top, bottom } = element.getBoundingClientRect();
			if (left < 0 || right > innerWidth || right - left < 8) return "it goes from " + left + " to " + right;
			const over = [.1, .5, .9].map(part => document.elementFromPoint(left + part * (right - left), (top + bottom) / 2)).find(over => !element.contains(over));
			return over ? "it is covered by " + over.outerHTML.slice(0, 100) : "";
		})(document.querySelector(%q))`, selector)); wrong != "" {
			p.t.Errorf("%s: %s: %s", where, selector, wrong)
		}
	}
}

// composes presses the Enter that ends a word in Safari: its composition is over
// already, and the key's code alone tells. The page has to leave it alone.
func (p *tab) composes(selector string) {
	p.t.Helper()
	if !eval[bool](p, fmt.Sprintf(`document.querySelector(%q).dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", keyCode: 229, bubbles: true, cancelable: true}))`, selector)) {
		p.t.Error("the Enter of an input method sends what is written")
	}
}

// crowd takes all of the browser's connections to the site, of which some are taken
// already, as other tabs do, and has the page's clock run twenty times as fast.
func (p *tab) crowd(stream string, taken int) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`
		for (const [object, name, at] of [[window, "setTimeout", 1], [AbortSignal, "timeout", 0]]) {
			const real = object[name];
			object[name] = (...args) => real.apply(object, args.with(at, args[at] / 20));
		}
		window.others = Array.from({ length: 6 }, () => new EventSource(%q));`, stream)))
	p.await(fmt.Sprintf(`others.filter(other => other.readyState === EventSource.OPEN).length === %d`, 6-taken))
}

// leave ends what crowd has begun, but for the clock.
func (p *tab) leave() {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`for (const other of others) other.close()`))
}
