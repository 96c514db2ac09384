"""Looks at a project from inside its own interpreter.

Started as: python -c SCRIPT ANSWER TASK ARGUMENTS, in the project's folder.
ARGUMENTS is JSON. The answer is JSON, too, and goes to the file ANSWER, because
what the project prints while it is imported is its own affair.
"""
import importlib
import importlib.util
import inspect
import json
import os
import re
import sys
import traceback
from urllib.parse import quote


def python(modules):
    """Which of the modules can be imported, and what this interpreter is."""
    found = []
    for name in modules:
        try:
            importlib.import_module(name)
        except BaseException:
            continue
        found.append(name)
    return {
        "python": sys.executable,
        "version": "%d.%d" % sys.version_info[:2],
        "base": sys.base_prefix,
        "modules": found,
    }


# Django


def django():
    """The entry points, static files and routes of DJANGO_SETTINGS_MODULE."""
    close_databases()
    import django as framework
    from django.conf import settings

    framework.setup()
    package = os.environ["DJANGO_SETTINGS_MODULE"].split(".")[0]
    refused = []
    found = {
        "framework": "django",
        "interface": "wsgi",
        "module": wsgi_entry(settings, package),
        "asgi": asgi_entry(settings, package, refused),
        "refused": refused,
        "debug": bool(settings.DEBUG),
        "hosts": [str(host) for host in settings.ALLOWED_HOSTS],
        "redirects": bool(settings.SECURE_SSL_REDIRECT),
        "engine": (settings.DATABASES.get("default") or {}).get("ENGINE", ""),
    }
    found.update(django_static(settings))
    from django.urls import get_resolver

    found["routes"] = list(django_routes(get_resolver(), ""))
    return found


def close_databases():
    """Makes every connection fail: a look must not create or lock a database."""
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.utils import OperationalError

    def connect(self):
        raise OperationalError("the project is looked at without its database")

    BaseDatabaseWrapper.connect = connect


def wsgi_entry(settings, package):
    """The application as MODULE:NAME, once it has been imported."""
    if settings.WSGI_APPLICATION:
        return imported(*settings.WSGI_APPLICATION.rsplit(".", 1))
    if has_module(package + ".wsgi"):
        return imported(package + ".wsgi", "application")
    return imported("django.core.wsgi", "get_wsgi_application") + "()"


def asgi_entry(settings, package, refused):
    """The second entry point; empty when there is none, or none that works."""
    dotted = getattr(settings, "ASGI_APPLICATION", None) or package + ".asgi.application"
    module, name = dotted.rsplit(".", 1)
    if not has_module(module):
        return ""
    try:
        return imported(module, name)
    except Exception as error:
        refused.append("%s:%s: %s: %s" % (module, name, type(error).__name__, error))
        return ""


def imported(module, name):
    getattr(importlib.import_module(module), name)
    return module + ":" + name


def has_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def django_static(settings):
    """Folders that exist now, and the one that collectstatic would fill."""
    found = {"static": []}
    url = settings.STATIC_URL
    if url and settings.STATIC_ROOT:
        found["collect"] = mount(url, settings.STATIC_ROOT)
    if url and "django.contrib.staticfiles" in settings.INSTALLED_APPS:
        found["sources"] = list(finder_mounts(url))
    if settings.MEDIA_URL not in ("", "/") and settings.MEDIA_ROOT:
        found["static"].append(mount(settings.MEDIA_URL, settings.MEDIA_ROOT))
    return found


def finder_mounts(url):
    """The folders that collectstatic copies from, each under its own prefix."""
    from django.contrib.staticfiles.finders import get_finders

    for finder in get_finders():
        for storage in getattr(finder, "storages", {}).values():
            location = getattr(storage, "location", "")
            prefix = getattr(storage, "prefix", "")
            base = url + (prefix.strip("/") + "/" if prefix else "")
            if not os.path.isdir(location):
                continue
            for name in sorted(os.listdir(location)):
                folder = os.path.join(location, name)
                if os.path.isdir(folder):
                    yield mount(base + quote(name) + "/", folder)


def django_routes(resolver, prefix):
    """The routes without parameters, those of include()s too."""
    for entry in resolver.url_patterns:
        path = literal(entry.pattern)
        if path is None:
            continue
        path = prefix + path
        if hasattr(entry, "url_patterns"):
            for route in django_routes(entry, path):
                yield route
        elif takes_get(entry.callback):
            view = getattr(entry.callback, "__name__", "")
            yield {"path": "/" + quoted(path), "names": [entry.name or "", view]}


def literal(pattern):
    """The one path that a pattern matches; None when it has parameters."""
    if hasattr(pattern, "_route"):
        return None if pattern.converters else str(pattern._route)
    if hasattr(pattern, "language_prefix"):
        return pattern.language_prefix
    text = re.sub(r"^\^|(\$|\\Z)$", "", str(pattern._regex))
    text = re.sub(r"/\?$", "/", text)
    if re.search(r"[^\w/~-]", re.sub(r"\\[./-]", "", text)):
        return None
    return text.replace("\\", "")


def takes_get(view):
    actions = getattr(view, "actions", None)
    if isinstance(actions, dict):
        return "get" in actions
    cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if cls is None:
        return True
    return hasattr(cls, "get") and "get" in getattr(cls, "http_method_names", ["get"])


# Applications that are one object


def application(module, names, factories):
    """The first of the names that is an application, or of the factories that
    makes one without being given anything."""
    refused = []
    code = importlib.import_module(module)
    for name in names:
        entry = getattr(code, name, None)
        kind = classify(entry)
        if kind:
            return describe(entry, kind, module + ":" + name, refused)
        if entry is not None:
            refused.append("%s:%s is neither a WSGI nor an ASGI application, but %s" % (module, name, type(entry).__name__))
    for name in factories:
        make = getattr(code, name, None)
        if not callable(make):
            continue
        if not binds(make):
            refused.append("%s:%s() needs arguments; write a wsgi.py with application = %s(...)" % (module, name, name))
            continue
        made = make()
        kind = classify(made)
        if kind:
            return describe(made, kind, "%s:%s()" % (module, name), refused)
        refused.append("%s:%s() makes no application, but %s" % (module, name, type(made).__name__))
    return {"refused": refused}


KNOWN = {
    ("flask", "Flask"): ("flask", "wsgi"),
    ("fastapi", "FastAPI"): ("fastapi", "asgi"),
    ("starlette", "Starlette"): ("asgi", "asgi"),
    ("quart", "Quart"): ("asgi", "asgi"),
}


def classify(entry):
    """(framework, interface) of an application; None for anything else."""
    for cls in type(entry).__mro__:
        kind = KNOWN.get((cls.__module__.split(".")[0], cls.__name__))
        if kind:
            return kind
    if not callable(entry) or inspect.isclass(entry):
        return None
    call = entry if inspect.isroutine(entry) else type(entry).__call__
    if inspect.iscoroutinefunction(call):
        return ("asgi", "asgi") if binds(entry, 1, 2, 3) else None
    if binds(entry, 1, 2):
        return "wsgi", "wsgi"
    if binds(entry, 1, 2, 3) and "scope" in inspect.signature(entry).parameters:
        return "asgi", "asgi"
    return None


def binds(function, *arguments):
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):
        return False
    return True


def describe(entry, kind, module, refused):
    framework, interface = kind
    found = {"framework": framework, "interface": interface, "module": module, "refused": refused}
    found["routes"], found["static"] = [], []
    if framework == "flask":
        flask(entry, found)
    elif hasattr(entry, "routes"):
        starlette(entry, "", found)
    return found


def flask(app, found):
    for rule in app.url_map.iter_rules():
        if rule.arguments:
            flask_static(app, rule, found)
            continue
        if "GET" not in (rule.methods or ()) or rule.subdomain or rule.host or getattr(rule, "websocket", False):
            continue
        view = app.view_functions.get(rule.endpoint)
        found["routes"].append({"path": quoted(rule.rule), "names": [rule.endpoint, getattr(view, "__name__", "")]})


def flask_static(app, rule, found):
    """The folder behind a rule, where it is of the application's or a
    blueprint's static files."""
    owner, _, name = rule.endpoint.rpartition(".")
    if name != "static":
        return
    scaffold = app.blueprints.get(owner) if owner else app
    folder = getattr(scaffold, "static_folder", None)
    if folder:
        found["static"].append(mount(rule.rule.split("<")[0], folder))


def starlette(app, prefix, found):
    own = [getattr(app, name, None) for name in ("openapi_url", "docs_url", "redoc_url", "swagger_ui_oauth2_redirect_url")]
    for route in app.routes:
        path = getattr(route, "path", "{}")
        inner = getattr(route, "app", None)
        if "{" in path or path in own:
            continue
        folder = getattr(inner, "directory", None)
        if folder:
            found["static"].append(mount(prefix + path + "/", str(folder)))
        elif not hasattr(route, "endpoint") and hasattr(inner, "routes"):
            starlette(inner, prefix + path, found)
        elif route_takes_get(route):
            view = getattr(route.endpoint, "__name__", "")
            found["routes"].append({"path": quoted(prefix + path), "names": [getattr(route, "name", "") or "", view]})


def route_takes_get(route):
    if not hasattr(route, "methods"):
        return False
    if route.methods is None:
        return hasattr(route.endpoint, "get")
    return "GET" in route.methods


# What all have in common


def mount(url, folder):
    return {"url": str(url), "dir": os.path.abspath(str(folder))}


def quoted(path):
    return quote(path, safe="/:@!$&'()*+,;=~-._")


def failure(error):
    """The project's part of the traceback: its last lines."""
    ours = ("<string>", "<frozen ", importlib.__file__)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(ours)]
    lines = traceback.format_list(frames[-4:]) + traceback.format_exception_only(type(error), error)
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    return {"failed": "".join(lines).rstrip(), "missing": missing}


def main():
    answer, task, arguments = sys.argv[1:4]
    sys.argv = ["sweetspot"]
    tasks = {"python": python, "django": django, "application": application}
    try:
        result = tasks[task](**json.loads(arguments))
    except BaseException as error:
        result = failure(error)
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(result, file)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads that the project started must not keep us here


main()
