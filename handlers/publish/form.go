package publish

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

// takesForm reports whether texts have placeholders of a form's fields.
func takesForm(texts ...string) bool {
	for _, text := range texts {
		if strings.Contains(text, "{"+request.FormField) {
			return true
		}
	}
	return false
}

// formPlaceholders are those of a form. As in a query, the values of a name are
// joined by commas, and a field that is not there is empty, which a channel's name
// refuses.
func formPlaceholders(form url.Values) caddy.ReplacerFunc {
	return func(key string) (any, bool) {
		name, ok := strings.CutPrefix(key, request.FormField)
		if !ok {
			return nil, false
		}
		return strings.Join(form[name], ","), true
	}
}

// The reasons for which a form is refused.
var (
	errNoForm   = errors.New("the body must be a form: application/x-www-form-urlencoded or multipart/form-data")
	errFormText = errors.New("the form must be UTF-8")
)

// parseForm reads the fields of a request's body that is a form (HTML Standard,
// section 4.10.22, "Form submission"). An empty body has none.
func parseForm(header http.Header, body string) (url.Values, error) {
	if body == "" {
		return nil, nil
	}
	mediaType, params, _ := mime.ParseMediaType(header.Get("Content-Type"))
	var form url.Values
	var err error
	switch mediaType {
	case "application/x-www-form-urlencoded":
		form, err = url.ParseQuery(body)
	case "multipart/form-data":
		form, err = parseMultipart(body, params["boundary"])
	default:
		return nil, caddyhttp.Error(http.StatusBadRequest, errNoForm)
	}
	if err != nil {
		return nil, caddyhttp.Error(http.StatusBadRequest, request.NewRefusal("the form cannot be read", err))
	}
	for _, values := range form {
		if slices.ContainsFunc(values, func(text string) bool { return !utf8.ValidString(text) }) {
			return nil, caddyhttp.Error(http.StatusBadRequest, errFormText)
		}
	}
	return form, nil
}

// parseMultipart reads the texts of a form whose fields are parts (RFC 7578). Files
// are left out.
func parseMultipart(body, boundary string) (url.Values, error) {
	if boundary == "" {
		return nil, http.ErrMissingBoundary
	}
	form := make(url.Values)
	parts := multipart.NewReader(strings.NewReader(body), boundary)
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return form, nil
		}
		if err != nil {
			return nil, err
		}
		if part.FormName() == "" || part.FileName() != "" {
			continue
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		form.Add(part.FormName(), string(text))
	}
}
