package detect

import (
	"cmp"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sweetspot/scenarios"
)

// folder is where the files below a URL prefix are, as the project says.
type folder struct {
	URL string `json:"url"`
	Dir string `json:"dir"`
}

const (
	mostFiles  = 20_000   // that are looked at in one mount
	picked     = 8        // that become traffic
	largeFile  = 16 << 20 // bytes; one larger would fill the mix with a single download
	mostMounts = 50       // of a project
)

// addMounts keeps the folders that have files and that a proxy can serve.
func (p *Project) addMounts(folders []folder, why string) {
	var urls []string
	for _, f := range folders {
		taken := slices.ContainsFunc(p.Static, func(m scenarios.Mount) bool { return m.URL == f.URL })
		if taken || len(p.Static) >= mostMounts || !hasFiles(f.Dir) {
			continue
		}
		if unfit := unfitMount(f.URL); unfit != "" {
			p.refuse("static files at "+f.URL, unfit)
			continue
		}
		p.Static = append(p.Static, scenarios.Mount{URL: f.URL, Dir: f.Dir})
		urls = append(urls, f.URL)
	}
	if len(urls) > 0 {
		p.guess("app.static", strings.Join(urls, ", "), why)
	}
}

// unfitMount says why a proxy cannot serve a prefix; "" when it can.
func unfitMount(prefix string) string {
	switch {
	case strings.Contains(prefix, "://") || strings.HasPrefix(prefix, "//"):
		return "they are on another host, and only what the run starts is measured"
	case prefix == "/":
		return "they share the prefix / with the application, which would get no request behind a proxy"
	case !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/"):
		return "the prefix does not begin and end with a slash"
	case prefix != (&url.URL{Path: prefix}).EscapedPath() || strings.ContainsAny(prefix, "?{}") || strings.Contains(prefix, ".."):
		return "the prefix is no plain path"
	}
	return ""
}

func hasFiles(dir string) bool {
	return len(filesIn(dir, 1)) > 0
}

// staticFile is a file and the path under which it is asked for.
type staticFile struct {
	url  string
	size int64
}

// filesIn returns up to most files of a folder that are worth asking for: not
// hidden, not empty and not huge. Their URLs are relative. Links to files are
// files: collectstatic can make them.
func filesIn(dir string, most int) []staticFile {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil
	}
	var files []staticFile
	// What cannot be read is left out: the files are a sample anyway.
	_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		hidden := path != root && strings.HasPrefix(filepath.Base(path), ".")
		switch {
		case err != nil:
			return nil
		case hidden && e.IsDir():
			return fs.SkipDir
		case hidden:
			return nil
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > largeFile {
			return nil
		}
		files = append(files, staticFile{url: escapePath(strings.TrimPrefix(path, root+"/")), size: info.Size()})
		if len(files) >= most {
			return fs.SkipAll
		}
		return nil
	})
	return files
}

// escapePath makes the path of a file what is sent in a URL.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// pickFiles fills StaticFiles: the smallest file of all mounts, the largest,
// and some evenly between them.
func (p *Project) pickFiles() {
	var all []staticFile
	for _, m := range p.Static {
		for _, f := range filesIn(m.Dir, mostFiles) {
			all = append(all, staticFile{url: m.URL + f.url, size: f.size})
		}
	}
	slices.SortStableFunc(all, func(a, b staticFile) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.url, b.url))
	})
	p.lengths = make(map[string]int64)
	n := min(picked, len(all))
	for i := range n {
		f := all[i*(len(all)-1)/max(n-1, 1)]
		p.StaticFiles = append(p.StaticFiles, f.url)
		p.lengths[f.url] = f.size
	}
}
