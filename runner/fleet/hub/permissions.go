package hub

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"sweetspot/runner/fleet/wire"
)

// Streams below the buckets.
const (
	kvStream     = "KV_"
	objectStream = "OBJ_"
	agents       = kvStream + wire.AgentsBucket
	leases       = kvStream + wire.LeasesBucket
	announced    = kvStream + wire.AnnouncedBucket
	runs         = kvStream + wire.RunsBucket
	raw          = objectStream + wire.RawBucket
)

// Of the JetStream API. An agent reads the value of a key by a question whose
// answer is wrapped in JSON, never by a direct one: who asks names the subject
// that the answer goes to, and a bare value there would be a forged message.
const (
	api     = "$JS.API."
	infoOf  = api + "STREAM.INFO."
	valueOf = api + "STREAM.MSG.GET."
	pull    = api + "CONSUMER.MSG.NEXT." + wire.WorkStream + "." + wire.SitesConsumer
	sites   = api + "CONSUMER.INFO." + wire.WorkStream + "." + wire.SitesConsumer
	taken   = "$JS.ACK." + wire.WorkStream + "." + wire.SitesConsumer + ".>"
	spent   = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES." + wire.WorkStream + "." + wire.SitesConsumer
	chunks  = "$O." + wire.RawBucket + ".C.*"
	metas   = "$O." + wire.RawBucket + ".M.*"
)

// key is the subject that a key of a bucket is written at.
func key(stream, name string) string {
	return "$KV." + strings.TrimPrefix(stream, kvStream) + "." + name
}

// inboxes is the prefix of where somebody is answered. A site's are its own:
// its generators answer only there.
func inboxes(name, site string) string {
	if site == "" {
		site = "_" // no site has that name
	}
	return "_INBOX." + site + "." + name
}

// grant is what somebody may publish and subscribe to.
type grant struct{ publish, subscribe []string }

func (g grant) and(o grant) grant {
	return grant{union(g.publish, o.publish), union(g.subscribe, o.subscribe)}
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// each puts a prefix before every one of several subjects.
func each(prefix string, of ...string) []string {
	all := make([]string, len(of))
	for i, s := range of {
		all[i] = prefix + s
	}
	return all
}

// Permissions are what a name of a role and a site may say and hear, and
// nothing else. Who has no role that joins a fleet may nothing.
func Permissions(name, role, site string) *server.Permissions {
	var g grant
	switch role {
	case wire.Generator:
		g = generator(name, site)
	case wire.Subject:
		g = subject(name, site)
	case wire.Both:
		g = generator(name, site).and(subject(name, site))
	case Controller:
		g = controller(name)
	default:
		nothing := &server.SubjectPermission{Deny: []string{">"}}
		return &server.Permissions{Publish: nothing, Subscribe: nothing}
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: g.publish},
		Subscribe: &server.SubjectPermission{Allow: g.subscribe},
	}
}

// agent is what both kinds of agents may: describe itself, know what is there,
// hand in files and fetch them, tell of an attack that runs, and be told to stop.
// To fetch a file it makes a consumer, and may have the file sent to any subject:
// it keeps its own, so whoever takes orders looks at the subject of a message.
func agent(name, site string) grant {
	return grant{
		publish: slices.Concat(
			each(infoOf, wire.WorkStream, agents, announced, runs, raw),
			each(valueOf, agents, announced, runs, raw),
			[]string{key(agents, name), chunks, metas, wire.Live("*", site)},
			[]string{api + "CONSUMER.CREATE." + raw + ".*." + chunks, api + "CONSUMER.DELETE." + raw + ".*", "$JS.FC." + raw + ".>"},
		),
		subscribe: []string{inboxes(name, site) + ".>", wire.Stop("*")},
	}
}

// generator takes orders of its own site's subject, and answers there.
func generator(name, site string) grant {
	return agent(name, site).and(grant{
		publish:   []string{"_INBOX." + site + ".>"},
		subscribe: []string{wire.ToGenerator(site, name, "*")},
	})
}

// subject takes visits, asks for their steps, hands in trials, and leads the
// generators of its site.
func subject(name, site string) grant {
	return agent(name, site).and(grant{
		publish: []string{
			sites, pull, taken,
			infoOf + wire.ResultStream, "result.*.*.*",
			wire.Next("*", site),
			infoOf + leases, valueOf + leases, key(leases, site),
			key(announced, site+"."+name),
			wire.ToGenerator(site, "*", "*"),
		},
		subscribe: []string{wire.Live("*", site)},
	})
}

// controller owns the streams, and answers sites.
func controller(name string) grant {
	g := grant{
		publish: []string{
			api + "INFO", api + "STREAM.NAMES", api + "STREAM.LIST",
			wire.Work("*", "*"), wire.Stop("*"), wire.ToGenerator("*", "*", "*"),
			"$KV.>", chunks, metas, "_INBOX.>",
		},
		subscribe: []string{
			inboxes(name, "") + ".>", wire.Next("*", "*"), wire.Live("*", "*"), wire.Stop("*"), spent,
		},
	}
	for _, stream := range []string{wire.WorkStream, wire.ResultStream, agents, leases, announced, runs, raw} {
		g.publish = append(g.publish,
			api+"STREAM.*."+stream, api+"STREAM.MSG.*."+stream,
			api+"CONSUMER.*."+stream, api+"CONSUMER.*."+stream+".>", api+"CONSUMER.MSG.NEXT."+stream+".*", api+"CONSUMER.DURABLE.CREATE."+stream+".*",
			"$JS.ACK."+stream+".>", "$JS.FC."+stream+".>")
	}
	slices.Sort(g.publish)
	return g
}

// violation is how a server says that it refused something.
var violation = regexp.MustCompile(`(?i)permissions violation for (publish|subscription) to "([^"]+)"`)

// Explain says of a refusal of the server, which a connection of Dial gives to
// its nats.ErrorHandler, who may do what this key may not. Other errors are
// returned as they are.
func Explain(k Key, err error) error {
	if err == nil {
		return nil
	}
	m := violation.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	publish := strings.EqualFold(m[1], "publish")
	verb := "listen to"
	if publish {
		verb = "send"
	}
	return fmt.Errorf("the hub refuses that %s may %s %s: %s: %w", k.Identity, verb, m[2], whoMay(k.Identity, m[2], publish), err)
}

// whoMay names the roles that may what id may not.
func whoMay(id Identity, subject string, publish bool) string {
	var roles []string
	for _, role := range []string{wire.Generator, wire.Subject, wire.Both, Controller} {
		if allows(Permissions(id.Name, role, id.Site), subject, publish) {
			roles = append(roles, role)
		}
	}
	if len(roles) == 0 {
		return "no role of that name and site may; check the site and the name that the key was issued for"
	}
	return fmt.Sprintf("it needs a key of the role %s (sweetspot hub issue)", strings.Join(roles, " or "))
}

func allows(p *server.Permissions, subject string, publish bool) bool {
	of := p.Subscribe
	if publish {
		of = p.Publish
	}
	return slices.ContainsFunc(of.Allow, func(allowed string) bool { return server.SubjectsCollide(allowed, subject) })
}

// Config is the part of a NATS server's configuration file, for a cluster that
// is not sweetspot's own, that lets the keys issued in dir join with exactly
// their permissions. The files of keys are those of dir; every server of the
// cluster needs them under that path, or the lines edited.
func Config(dir string) (string, error) {
	ids, err := issued(dir)
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("%s holds no key of an agent or a controller; sweetspot hub issue makes one", dir)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Who may join the fleet, and what each may do; of the keys in %s.\n", dir)
	fmt.Fprintf(&b, "max_payload: %d\nmax_connections: %d\nwrite_deadline: %q\n", maxPayload, defaultConns, writeDeadline)
	fmt.Fprintf(&b, "tls {\n  cert_file: %q\n  key_file: %[1]q\n  ca_file: %q\n  verify_and_map: true\n  min_version: \"1.3\"\n}\n", hubFile(dir), authorityFile(dir))
	b.WriteString("authorization {\n  users: [\n")
	for _, id := range ids {
		p := Permissions(id.Name, id.Role, id.Site)
		fmt.Fprintf(&b, "    { # %s, until %s\n      user: %q\n      permissions: {\n", id, id.Until.Format(time.DateOnly), id.distinguished())
		fmt.Fprintf(&b, "        publish: { allow: [%s] }\n        subscribe: { allow: [%s] }\n      }\n    }\n", quoted(p.Publish.Allow), quoted(p.Subscribe.Allow))
	}
	b.WriteString("  ]\n}\njetstream {\n  store_dir: \"sweetspot\"\n  sync_interval: always\n}\n")
	return b.String(), nil
}

func quoted(subjects []string) string {
	var b strings.Builder
	for _, s := range subjects {
		fmt.Fprintf(&b, "\n          %q", s)
	}
	return b.String() + "\n        "
}
