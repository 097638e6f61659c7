package docstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"
)

// What docs/access.md shows of Node and Python makes the signature that is asked for.
func TestDocsSign(t *testing.T) {
	t.Parallel()
	const secret, exp = "0123456789abcdef0123456789abcdef", "1795000000"
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("sse1\n" + exp + "\nchat:42\nuser:7"))
	want := hex.EncodeToString(mac.Sum(nil))
	page := string(read(t, "docs/access.md"))
	for language, run := range map[string]struct{ program, flag, before, begins, after string }{
		"Node": {
			"node", "-e", "const {createHmac} = require('crypto'); const secret = '" + secret + "', exp = '" + exp + "', channels = ['chat:42', 'user:7'];\n",
			"const text", "\nconsole.log(sig)",
		},
		"Python": {
			"python3", "-c", "import hmac\nsecret, exp, channels = '" + secret + "', '" + exp + "', ['chat:42', 'user:7']\n",
			"text", "\nprint(sig)",
		},
	} {
		if _, err := exec.LookPath(run.program); err != nil {
			t.Logf("there is no %s here", run.program)
			continue
		}
		_, row, found := strings.Cut(page, "\n| "+language+" | `"+run.begins)
		if !found {
			t.Fatalf("there is no row of %s", language)
		}
		row, _, _ = strings.Cut(row, "` |\n")
		text := run.begins + strings.ReplaceAll(row, "`<br>`", "\n")
		out, err := exec.Command(run.program, run.flag, run.before+text+run.after).CombinedOutput() //nolint:gosec // what the docs show
		if strings.TrimSpace(string(out)) != want || err != nil {
			t.Errorf("%s: %v: %s\n%s", language, err, out, text)
		}
	}
}
