package bundle

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sweetspot/analysis/lint"
	"sweetspot/reports"
	"sweetspot/runner/rundir"
)

//go:embed index.html.tmpl
var indexSource string

var indexTemplate = template.Must(template.New("index").Funcs(template.FuncMap{"base": path.Base, "stamp": reports.Stamp}).Parse(indexSource))

// page is what the index shows.
type page struct {
	reports.Summary
	About  About
	Lint   lint.Report
	Stamp  string
	Read   string // the report that a browser shows; empty when there is none
	Groups []group
	Plots  []string
	Data   []string // files of the run directory that are not of a trial
	Trials []trialRow
	Size   string // of the raw data
	Files  int
	Digest string // of the checksums of the raw data
	Run    rundir.Manifest
}

// group is a list of links.
type group struct {
	Title string
	Links []link
}

type link struct{ File, What string }

// trialRow is one trial with its files.
type trialRow struct {
	ID          int
	Cell, Phase string
	Verdict     string
	Files       []string
}

// index writes the page that the bundle opens with. files are those that were
// written beside it, and data is the folder of the raw data.
func index(a About, in reports.Input, files []string, data string) ([]byte, error) {
	p := page{Summary: reports.Summarise(in), About: a, Lint: *in.Lint, Stamp: in.Lint.Stamp(), Run: in.Manifest}
	p.sort(in, files)
	sums, err := sumFiles(data)
	if err != nil {
		return nil, err
	}
	p.Digest, p.Files = digest(listing(sums)), len(sums)
	if err := p.raw(in, sums, data); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = indexTemplate.Execute(&b, p)
	return b.Bytes(), err
}

// sort groups the files that the reports consist of.
func (p *page) sort(in reports.Input, files []string) {
	formats, configs, tables := group{Title: "Reports"}, group{Title: "Configuration of the winner"}, map[string]*group{}
	for _, f := range files {
		i := slices.IndexFunc(reports.Formats, func(x reports.Format) bool { return x.File == f })
		folder := path.Dir(f)
		switch _, config := in.WinnerConfigs[f]; {
		case i >= 0:
			if path.Ext(f) == ".html" {
				p.Read = f
			}
			formats.Links = append(formats.Links, link{f, what(reports.Formats[i].Name, f)})
		case config:
			configs.Links = append(configs.Links, link{f, ""})
		case path.Ext(f) == ".svg":
			p.Plots = append(p.Plots, f)
		case folder == ".":
			formats.Links = append(formats.Links, link{f, ""})
		default:
			if tables[folder] == nil {
				tables[folder] = &group{Title: strings.ToUpper(folder[:1]) + folder[1:]}
			}
			tables[folder].Links = append(tables[folder].Links, link{f, ""})
		}
	}
	p.Groups = append(p.Groups, formats)
	for _, folder := range sortedKeys(tables) {
		p.Groups = append(p.Groups, *tables[folder])
	}
	if len(configs.Links) > 0 {
		p.Groups = append(p.Groups, configs)
	}
}

// what is the name of a format where the name of its file does not tell it.
func what(format, file string) string {
	if strings.HasSuffix(file, "."+format) {
		return ""
	}
	return format
}

// raw lists the raw data, trial by trial.
func (p *page) raw(in reports.Input, sums []sum, data string) error {
	size, of := int64(0), map[string][]string{}
	for _, s := range sums {
		info, err := os.Stat(filepath.Join(data, filepath.FromSlash(s.name)))
		if err != nil {
			return err
		}
		size += info.Size()
		if rest, ok := strings.CutPrefix(s.name, trialsDir+"/"); ok {
			of[path.Dir(rest)] = append(of[path.Dir(rest)], path.Join(dataDir, s.name))
		} else {
			p.Data = append(p.Data, path.Join(dataDir, s.name))
		}
	}
	p.Size = reports.Size(size)
	for _, t := range in.Result.Trials {
		p.Trials = append(p.Trials, trialRow{ID: t.ID, Cell: t.Step.Cell.String(), Phase: t.Step.Phase, Verdict: t.Verdict.Kind, Files: of[fmt.Sprintf("%04d", t.ID)]})
	}
	return nil
}
