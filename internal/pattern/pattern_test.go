package pattern

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"chat:42", "chat:42", true},
		{"chat:42", "chat:421", false},
		{"chat:42", "xchat:42", false},
		{"chat:*", "chat:42", true},
		{"chat:*", "chat:", true},
		{"chat:*", "chat", false},
		{"chat:*", "chats:42", false},
		{"*", "", true},
		{"*", "anything", true},
		{"*:7", "user:7", true},
		{"*:7", "user:77", false},
		{"a*a", "a", false}, // it cannot be both
		{"a*a", "aa", true},
		{"a*b*c", "a1b2c", true},
		{"a*b*c", "acb", false},
		{"a*bc*c", "abcc", true},
		{"a*bc*c", "abc", false},
		{"**", "x", true},
		{"a.c", "abc", false},
		{"a?", "ab", false},
		{"[ab]", "a", false},
		{"", "", true},
		{"", "a", false},
	} {
		if got := Parse(test.pattern).Match(test.name); got != test.want {
			t.Errorf("%q matches %q: %t", test.pattern, test.name, got)
		}
	}
	if Pattern(nil).Match("") {
		t.Error("no pattern matches")
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	p := Parse("user:").Append("*").Join(Parse(":*"))
	for name, want := range map[string]bool{"user:*:a": true, "user:7:a": false} {
		if p.Match(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}

// Another way says the same.
func FuzzMatch(f *testing.F) {
	f.Add("a*b*", "a1b2")
	f.Add("*a*a*", "aa")
	f.Add("ab*ba", "aba")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		e, err := regexp.Compile(`(?s)\A` + strings.Join(parts, ".*") + `\z`)
		if err != nil || strings.ToValidUTF8(name, "") != name || strings.ToValidUTF8(pattern, "") != pattern {
			t.Skip("regexp takes none of it")
		}
		if got := Parse(pattern).Match(name); got != e.MatchString(name) {
			t.Errorf("%q matches %q: %t", pattern, name, got)
		}
	})
}
