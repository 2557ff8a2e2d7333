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
    ("Start", [new Up()]),
    ("Run", [new Run(), new Chat(), new Serve(), new Inspect(), new Bench(), new Tokenize(), new Template(), new Logits(), Embed.Create(),
        Embed.CreateRank(), new Synthesize(), new Quantize(), new ConvertCommand(), new Imatrix(), new PerplexityCommand()]),
    ("Share and spread", [new Pull(), new Push(), HubCommand.Create()]),
    ("Adapt", [TuneCommand.Create()]),
    ("Measure", [EvalCommand.Create()]),
    ("Operate",
        [new BackupCommand(), new RestoreCommand(), new Fsck(), KeyCommand.Create(), new DoctorCommand(),
            ConfigCommand.Create(), new Completion()]));
return await Exit.Run(banyan, args);
