// Loads docker/compose.yaml as Docker Compose itself does, once for each set of profiles that its head names, and says what is
// in each. Needs no Docker. `scripts/lint-docker.sh` runs it.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	for _, profiles := range []string{"core", "core,observe", "cluster", "cluster,observe,quickwit"} {
		if err := load(os.Args[1], strings.Split(profiles, ",")); err != nil {
			fmt.Fprintf(os.Stderr, "%s with %s: %v\n", os.Args[1], profiles, err)
			os.Exit(1)
		}
	}
}

func load(file string, profiles []string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithProfiles(profiles), cli.WithoutEnvironmentResolution)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	for _, name := range project.ServiceNames() {
		service := project.Services[name]
		ours := strings.HasPrefix(service.Image, "playhouse:")
		if ours && !service.ReadOnly {
			return fmt.Errorf("%s is ours and may write to its own file system", name)
		}
	}
	fmt.Printf("compose.yaml with %s: %s\n", strings.Join(profiles, ", "), strings.Join(project.ServiceNames(), ", "))
	return nil
}
