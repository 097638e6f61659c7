package subscribe

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// The ID and the info of a member are filled in, and refused where others could not read
// them.
func TestMembershipOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		member, info, value string // of {v}
		id, filled, refused string
	}{
		{"{v}", "", "ann", "ann", "", ""},
		{"u-{v}", "{v}", "ann", "u-ann", `"ann"`, ""},
		{"u", "{v}", `{"a": 1}`, "u", `{"a":1}`, ""},
		{"u", "{v}", "", "u", `""`, ""},
		{"u", `{"name":"{v}"}`, `a"b`, "u", `{"name":"a\"b"}`, ""},
		{"u", `{"n":{v}}`, "7", "u", `{"n":7}`, ""},
		{"u", `{"n":{nothing}}`, "7", "u", `{"n":null}`, ""},
		{"{nothing}", "", "ann", "", "", "a part of the member has no value"},
		{"{v}", "", "a\nb", "", "", "UTF-8 without control characters"},
		{"{v}", "", "a\xff", "", "", "UTF-8 without control characters"},
		{"{v}", "", strings.Repeat("x", MaxMember), strings.Repeat("x", MaxMember), "", ""},
		{"{v}", "", strings.Repeat("x", MaxMember+1), "", "", "must not be longer than 128 bytes: this one has 129"},
		{"u", "{v}", strings.Repeat("x", MaxInfo-2), "u", `"` + strings.Repeat("x", MaxInfo-2) + `"`, ""},
		{"u", "{v}", strings.Repeat("x", MaxInfo-1), "", "", "must not be longer than 1024 bytes: this one has 1025"},
		{"u", "{v}", "a\xff", "", "", "must be UTF-8"},
	} {
		m := &Membership{Member: test.member, Info: test.info}
		if err := m.provision(); err != nil {
			t.Fatal(err)
		}
		repl := caddy.NewEmptyReplacer()
		repl.Set("v", test.value)
		got, err := m.of(repl, []string{"a", "b"})
		switch {
		case test.refused != "":
			if err == nil || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%.50q: %v", test, err)
			}
		case err != nil || got.ID != test.id || got.Info != test.filled || len(got.Channels) != 2 || got.Linger != DefaultLinger:
			t.Errorf("%.50q: %+v, %v", test, got, err)
		}
	}
	if got, err := (*Membership)(nil).of(caddy.NewEmptyReplacer(), nil); got != nil || err != nil {
		t.Errorf("without presence somebody is %v, %v", got, err)
	}
}
