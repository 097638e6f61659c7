package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// openTabApart opens a page with cookies of its own, as somebody else's browser
// has.
func openTabApart(t testing.TB, url string) *tab {
	t.Helper()
	return openTab(t, url, chromedp.WithNewBrowserContext())
}

// openBeside opens one more tab of the same browser, with the same cookies.
func (p *tab) openBeside(url string) *tab {
	p.t.Helper()
	return openTab(p.t, url, chromedp.WithExistingBrowserContext(chromedp.FromContext(p.ctx).BrowserContextID))
}
