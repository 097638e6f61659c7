package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// quitBrowser ends the browser, if one was started.
var quitBrowser = func() {}

// browser is one Chromium for all tests, with a fresh profile. Sites keep apart
// by their ports, which make them different origins.
var browser = sync.OnceValues(func() (context.Context, error) {
	allocator, quitAllocator := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // which does not work as root in a container
		chromedp.DisableGPU,
		chromedp.Flag("ignore-certificate-errors", true), // which tests make themselves
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)...)
	ctx, _ := chromedp.NewContext(allocator)
	quitBrowser = func() {
		_ = chromedp.Cancel(ctx) // the tests are over
		quitAllocator()
	}
	return ctx, chromedp.Do(ctx)
})

// A tab is one page of the browser.
type tab struct {
	t   testing.TB
	ctx context.Context
}

// openTab opens a page, which is closed when the test ends. An exception that
// the page does not catch fails the test. With an option it can have cookies of
// its own, as somebody else's browser has.
func openTab(t testing.TB, url string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	b, err := browser()
	if err != nil {
		t.Fatal("starting Chromium: ", err)
	}
	ctx, closeTab := chromedp.NewContext(b, options...)
	t.Cleanup(closeTab)
	err = chromedp.Listen(ctx, func(event any) {
		if thrown, ok := event.(*runtime.EventExceptionThrown); ok {
			t.Errorf("the page threw, in its line %d: %+v", thrown.ExceptionDetails.LineNumber+1, thrown.ExceptionDetails.Exception)
		}
	})
	if err != nil {
		t.Fatal("opening a tab: ", err)
	}
	p := &tab{t, ctx}
	p.do(chromedp.Navigate(url))
	return p
}

// do takes actions on the page, which have to be done in good time.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	value(p, chromedp.Steps(actions...))
}

// typeInto types into a field in place of what it holds, and presses Enter.
func (p *tab) typeInto(selector, text string) {
	p.t.Helper()
	p.do(
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).select()`, selector)),
		chromedp.SendKeys(chromedp.CSS(selector), text),
		chromedp.Func(pressEnter),
	)
}

// press gives an element the focus, and presses Enter.
func (p *tab) press(selector string) {
	p.t.Helper()
	p.do(chromedp.Focus(chromedp.CSS(selector)), chromedp.Func(pressEnter))
}

// pressEnter presses the key as a keyboard does: a page that takes it keeps the
// browser from adding a line end, which chromedp's own does regardless.
func pressEnter(ctx context.Context, t *chromedp.Target) error {
	for _, is := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		_, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{
			Type: is, Key: "Enter", Code: "Enter", Text: "\r", WindowsVirtualKeyCode: 13, NativeVirtualKeyCode: 13,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// await waits until a JavaScript expression is true in the page.
func (p *tab) await(expression string) {
	p.t.Helper()
	redistest.Await(p.t, expression, func() bool { return eval[bool](p, expression) })
}

// eval is a JavaScript expression's value in the page. It only looks: while the
// page is being loaded anew, it looks again.
func eval[T any](p *tab, expression string) (v T) {
	p.t.Helper()
	redistest.Await(p.t, expression, func() bool {
		var err error
		if v, err = run(p, chromedp.Evaluate[T](expression)); err != nil && !strings.Contains(err.Error(), "navigated or closed") {
			p.t.Fatal(err)
		}
		return err == nil
	})
	return v
}

// value is what an action on the page returns.
func value[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	v, err := run(p, action)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// run takes an action on the page, which has to be done in good time.
func run[T any](p *tab, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 15*time.Second)
	defer cancel()
	return chromedp.Run(ctx, action)
}
