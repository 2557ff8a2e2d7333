using System.CommandLine;
using Banyan.Cli;
using Banyan.Cli.Commands;
using Banyan.Cli.Commands.Benchmark;
using Banyan.Cli.Commands.Eval;
using Banyan.Cli.Commands.Hub;

var banyan = new RootCommand("Share, run, adapt, measure and spread open AI models.")
{
    Up.Create(),
    Serve.Create(),
    Backup.Create(),
    Bench.Create(),
    Chat.Create(),
    EvalCommand.Create(),
    Fsck.Create(),
    HubCommand.Create(),
    Inspect.Create(),
    Logits.Create(),
    Backup.CreateRestore(),
    Pull.Create(),
    Push.Create(),
    Run.Create(),
    Synthesize.Create(),
    Template.Create(),
    Tokenize.Create(),
};
return await Exit.Run(banyan, args);
