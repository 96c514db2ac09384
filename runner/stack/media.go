package stack

// mediaTypes are what proxies know of file names where they cannot read the
// machine's own table.
var mediaTypes = []struct{ name, extensions string }{
	{"text/html", "html htm"},
	{"text/css", "css"},
	{"text/plain", "txt"},
	{"text/xml", "xml"},
	{"application/javascript", "js mjs"},
	{"application/json", "json map"},
	{"application/pdf", "pdf"},
	{"application/wasm", "wasm"},
	{"image/svg+xml", "svg"},
	{"image/png", "png"},
	{"image/jpeg", "jpg jpeg"},
	{"image/gif", "gif"},
	{"image/webp", "webp"},
	{"image/x-icon", "ico"},
	{"font/woff", "woff"},
	{"font/woff2", "woff2"},
}
