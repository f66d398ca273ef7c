//! `playhouse schema`: prints the declared tables, makes them on the cluster that `backends.store` names, or says what it
//! lacks.

use super::{Exit, Output, arguments::SchemaTask, print};
use crate::{
    backends::store::{self, cql, tables},
    config::Config,
};

pub(super) fn run(config: &Config, task: SchemaTask, output: &mut Output<'_>) -> std::io::Result<Exit> {
    let uri = config.backends.store.to_string();
    match task {
        SchemaTask::Print => return print(&cql::schema(), output),
        _ if !store::schema::is_kept(&uri) => {
            return print("backends.store is embedded: it needs no schema\n", output);
        }
        SchemaTask::Apply | SchemaTask::Check => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match task {
            SchemaTask::Apply => store::schema::apply(&uri, tables::ALL).await,
            _ => store::schema::check(&uri, tables::ALL).await.map(|()| Vec::new()),
        }
    });
    match done {
        Ok(statements) => {
            for statement in statements {
                writeln!(output.out, "{statement};")?;
            }
            print("the schema is as declared\n", output)
        }
        Err(error) => {
            writeln!(output.err, "backends.store: {error}")?;
            Ok(Exit::Failed)
        }
    }
}
