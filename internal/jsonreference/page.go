package jsonreference

import (
	_ "embed"
	"errors"
	"fmt"
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
)

// Example is a whole configuration.
//
//go:embed example.json
var Example string

//go:embed intro.txt
var intro string

// Page is the reference, of the project in the folder root.
func Page(root string) (string, error) {
	folders, err := filepath.Glob(filepath.Join(root, "handlers", "*"))
	if err != nil {
		return "", err
	}
	s, err := parse(append(folders, filepath.Join(root, "module"), filepath.Join(root, "module", "listener"))...)
	if err != nil {
		return "", err
	}
	p := &page{source: s}
	var contents strings.Builder
	slices.SortStableFunc(s.modules, func(a, b module) int { return strings.Count(a.id, ".") - strings.Count(b.id, ".") }) // apps first
	for _, m := range s.modules {
		title := fmt.Sprintf("The app `%s`", m.id)
		name, isHandler := strings.CutPrefix(m.id, "http.handlers.")
		if isHandler {
			title = fmt.Sprintf("The handler `%s`", name)
		} else if listener, ok := strings.CutPrefix(m.id, "caddy.listeners."); ok {
			name, title = listener, fmt.Sprintf("The listener wrapper `%s`", listener)
		}
		provider, isProvider := strings.CutPrefix(m.id, "http.authentication.providers.")
		if isProvider {
			title = fmt.Sprintf("The authentication provider `%s`", provider)
		}
		fmt.Fprintf(&contents, "- [%s](#%s)\n", title, strings.ToLower(strings.NewReplacer(" ", "-", "`", "").Replace(title)))
		fmt.Fprintf(p, "\n## %s\n", title)
		if isProvider {
			fmt.Fprintf(p, "\n%s It has the fields of [the handler](#the-handler-%s).\n", markdown(strings.Replace(s.docs[m.typ], m.typ, "`"+provider+"`", 1)), provider)
			continue
		}
		syntax := syntaxOf(s.docs[m.typ+".UnmarshalCaddyfile"])
		if syntax == nil {
			return "", fmt.Errorf("UnmarshalCaddyfile of %s has no syntax in its comment", m.typ)
		}
		if err := p.section(name, m.typ, []*line{syntax}); err != nil {
			return "", err
		}
	}
	return strings.NewReplacer("EXAMPLE\n", Example, "CONTENTS\n", contents.String()).Replace(intro) + p.String(), nil
}

// A page is one being written. Each struct has one section.
type page struct {
	*source
	strings.Builder
	written []string
}

// A structOf is a field's struct that still has to have its section.
type structOf struct {
	name, typ string
	lines     []*line
}

// section writes what a struct is that has this name in JSON, its fields, and then the
// structs in these. In the Caddyfile it is the lines, or their blocks.
func (p *page) section(name, typ string, lines []*line) error {
	p.written = append(p.written, typ)
	fields, err := p.fields(typ)
	if err != nil {
		return err
	}
	fmt.Fprintf(p, "\n%s\n", markdown(strings.Replace(p.docs[typ], typ, "`"+name+"`", 1)))
	if len(fields) == 0 {
		p.WriteString("\nIt has no fields.\n")
		return nil
	}
	p.WriteString("\n| Field | Type | In the Caddyfile | Meaning |\n|---|---|---|---|\n")
	var inner []structOf
	for _, f := range fields {
		typ, object, err := p.typeOf(f)
		if err != nil {
			return err
		}
		caddyfile := of(f.name, lines)
		if object != "" {
			inner = append(inner, structOf{f.name, object, linesNamed(lines, f.name)})
		}
		if caddyfile != "" {
			caddyfile = "`" + cell(caddyfile) + "`"
		}
		fmt.Fprintf(p, "| `%s` | %s | %s | %s |\n", f.name, typ, caddyfile, meaning(f.doc))
	}
	for _, o := range inner {
		if slices.Contains(p.written, o.typ) {
			continue
		}
		fmt.Fprintf(p, "\n### `%s`\n", o.name)
		if err := p.section(o.name, o.typ, o.lines); err != nil {
			return err
		}
	}
	return nil
}

// linesNamed are those of that name in all the blocks.
func linesNamed(lines []*line, name string) (found []*line) {
	for _, l := range lines {
		found = append(found, l.named(name)...)
	}
	return found
}

var errType = errors.New("the type is not known")

// typeOf is what a field's type is in JSON, and the struct that it is, if it is one.
func (p *page) typeOf(f field) (text, object string, err error) {
	switch t := f.typ.(type) {
	case *ast.ArrayType:
		name := nameOf(t.Elt)
		switch {
		case name == "string":
			return "list of texts", "", nil
		case p.structs[name] != nil:
			return fmt.Sprintf("list of [objects](#%s)", f.name), name, nil
		}
	case *ast.MapType:
		if nameOf(t.Key) == "string" && nameOf(t.Value) == "string" {
			return "object of texts", "", nil
		}
	case *ast.StarExpr:
		if name := nameOf(t); p.structs[name] != nil {
			return fmt.Sprintf("[object](#%s)", f.name), name, nil
		}
	default:
		if text := types[nameOf(t)]; text != "" {
			return text, "", nil
		}
	}
	return "", "", fmt.Errorf("%s: %w", f.name, errType)
}

// types are those that are no structs.
var types = map[string]string{
	"string": "text", "bool": "true or false", "int": "number", "int64": "number", "float64": "number",
	"Allow": "list of texts", "Signed": "list of texts",
	"Duration": "[duration](#values)",
	"Gate":     "list of [routes](https://caddyserver.com/docs/json/apps/http/servers/routes/)",
}

// meaning is a field's doc comment in a cell, with the default on a line of its own.
func meaning(doc string) string {
	return strings.Replace(cell(strings.Join(strings.Fields(doc), " ")), " Default", "<br>Default", 1)
}

// cell is a text for a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// markdown is a doc comment as Markdown: what is indented is an example of JSON.
func markdown(doc string) string {
	var b strings.Builder
	isCode := false
	for _, line := range strings.Split(strings.TrimSpace(doc), "\n") {
		code, indented := strings.CutPrefix(line, "\t")
		if indented != isCode && (indented || line != "") {
			b.WriteString(map[bool]string{true: "```json\n", false: "```\n\n"}[indented])
			isCode = indented
		}
		if line == "" && isCode {
			continue
		}
		b.WriteString(code + "\n")
	}
	if isCode {
		b.WriteString("```\n")
	}
	return strings.TrimSpace(b.String())
}
