using System.CommandLine;
using Banyan.Cli;
using Banyan.Cli.Commands;
using Banyan.Cli.Commands.Benchmark;
using Banyan.Cli.Commands.Doctor;
using Banyan.Cli.Commands.Eval;
using Banyan.Cli.Commands.Hub;
using Banyan.Cli.Commands.Tune;

StandardStreams.Guard();
var banyan = Help.Root("Share, run, adapt, measure and spread open AI models.",
    ("Start", [Up.Create()]),
    ("Run", [Run.Create(), Chat.Create(), Serve.Create(), Inspect.Create(), Bench.Create(), Tokenize.Create(), Template.Create(), Logits.Create(), Embed.Create(), Embed.CreateRank(), Synthesize.Create(), Quantize.Create(), ConvertCommand.Create(), Imatrix.Create(), PerplexityCommand.Create()]),
    ("Share and spread", [Pull.Create(), Push.Create(), HubCommand.Create()]),
    ("Adapt", [TuneCommand.Create()]),
    ("Measure", [EvalCommand.Create()]),
    ("Operate", [Backup.Create(), Backup.CreateRestore(), Fsck.Create(), KeyCommand.Create(), DoctorCommand.Create(), ConfigCommand.Create(), Completion.Create()]));
return await Exit.Run(banyan, args);
