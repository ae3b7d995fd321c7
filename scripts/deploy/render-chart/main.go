// Renders a Helm chart as `helm template` does, for tests, where Helm is not to be had: values are merged over the
// chart's own and checked against its schema, then Go's text/template runs with the functions of sprig. Those three are the
// libraries that Helm is made of; what this program adds are Helm's own functions, as far as the chart uses them.
//
//	render-chart -release NAME -namespace NAME CHART [VALUES.yaml ...]
//
// prints one JSON object: what each file of templates/ has become.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/xeipuuv/gojsonschema"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

func main() {
	release := flag.String("release", "runlog", "name of the release")
	namespace := flag.String("namespace", "runlog", "its namespace")
	flag.Parse()
	rendered, err := render(*release, *namespace, flag.Arg(0), flag.Args()[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(rendered); err != nil {
		panic(err)
	}
}

func render(release, namespace, dir string, files []string) (map[string]string, error) {
	values, err := read(filepath.Join(dir, "values.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		given, err := read(file)
		if err != nil {
			return nil, err
		}
		merge(values, given)
	}
	if err := check(filepath.Join(dir, "values.schema.json"), values); err != nil {
		return nil, err
	}
	metadata, err := read(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		return nil, err
	}
	chart := object{}
	for name, value := range metadata {
		chart[strings.ToUpper(name[:1])+name[1:]] = value
	}
	paths, err := filepath.Glob(filepath.Join(dir, "templates", "*"))
	if err != nil {
		return nil, err
	}
	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if _, err := all.New(filepath.Base(path)).Parse(string(text)); err != nil {
			return nil, err
		}
	}
	data := object{
		"Values":  values,
		"Chart":   chart,
		"Release": object{"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": true},
	}
	rendered := map[string]string{}
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		if err := all.ExecuteTemplate(&out, name, data); err != nil {
			return nil, err
		}
		rendered[name] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	return rendered, nil
}

func read(path string) (object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	value := object{}
	if err := yaml.Unmarshal(text, &value); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return value, nil
}

// merge has what is given count over what is there; null takes a default away.
func merge(into, given object) {
	for name, value := range given {
		inner, isObject := value.(object)
		there, wasObject := into[name].(object)
		switch {
		case value == nil:
			delete(into, name)
		case isObject && wasObject:
			merge(there, inner)
		default:
			into[name] = value
		}
	}
}

func check(path string, values object) error {
	schema, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewGoLoader(values))
	if err != nil {
		return err
	}
	if result.Valid() {
		return nil
	}
	problems := []string{"values don't meet the specifications of the schema:"}
	for _, problem := range result.Errors() {
		problems = append(problems, "- "+problem.String())
	}
	return fmt.Errorf("%s", strings.Join(problems, "\n"))
}

func functions(all *template.Template) template.FuncMap {
	known := sprig.TxtFuncMap()
	// as in Helm: what a chart makes does not depend on who renders it
	delete(known, "env")
	delete(known, "expandenv")
	known["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	known["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	known["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	return known
}
