// Package jsonreference writes the reference of the JSON configuration, docs/json.md,
// out of the structs that it is read into: their tags and doc comments, and the
// syntax of the Caddyfile in those of UnmarshalCaddyfile.
package jsonreference

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A source is what is found in some packages.
type source struct {
	structs map[string]*ast.StructType
	docs    map[string]string // of types, and of their methods UnmarshalCaddyfile
	modules []module
}

// A module is a struct that Caddy loads by an ID.
type module struct{ id, typ string }

// A field is one of a struct that is in the JSON.
type field struct {
	name, doc string
	typ       ast.Expr
}

// parse reads the packages in the folders.
func parse(dirs ...string) (*source, error) {
	s := &source{structs: make(map[string]*ast.StructType), docs: make(map[string]string)}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name) //nolint:gosec // the project's own
			if err != nil {
				return nil, err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			for _, decl := range file.Decls {
				s.add(decl)
			}
		}
	}
	slices.SortFunc(s.modules, func(a, b module) int { return strings.Compare(a.id, b.id) })
	return s, nil
}

func (s *source) add(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			typ, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			s.docs[typ.Name.Name] = d.Doc.Text() + typ.Doc.Text()
			if t, ok := typ.Type.(*ast.StructType); ok {
				s.structs[typ.Name.Name] = t
			}
		}
	case *ast.FuncDecl:
		if d.Recv == nil {
			return
		}
		of := nameOf(d.Recv.List[0].Type)
		switch d.Name.Name {
		case "CaddyModule":
			ast.Inspect(d.Body, func(n ast.Node) bool {
				pair, ok := n.(*ast.KeyValueExpr)
				if !ok || nameOf(pair.Key) != "ID" {
					return true
				}
				id, _ := strconv.Unquote(pair.Value.(*ast.BasicLit).Value) // it compiles
				s.modules = append(s.modules, module{id, of})
				return false
			})
		case "UnmarshalCaddyfile":
			s.docs[of+".UnmarshalCaddyfile"] = d.Doc.Text()
		}
	}
}

// nameOf is a type's or an identifier's name, without its package.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return nameOf(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// fields are those of a struct. Each needs a doc comment.
func (s *source) fields(typ string) (fields []field, err error) {
	t := s.structs[typ]
	if t == nil {
		return nil, fmt.Errorf("there is no struct %s", typ)
	}
	for _, f := range t.Fields.List {
		if f.Tag == nil {
			if len(f.Names) == 0 { // what is embedded has its fields here
				inner, err := s.fields(nameOf(f.Type))
				if err != nil {
					return nil, err
				}
				fields = append(fields, inner...)
			}
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value) // it compiles
		name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		if f.Doc.Text() == "" {
			return nil, fmt.Errorf("%s of %s has no doc comment", name, typ)
		}
		fields = append(fields, field{name, f.Doc.Text(), f.Type})
	}
	return fields, nil
}
