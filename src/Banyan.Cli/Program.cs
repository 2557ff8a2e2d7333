using System.CommandLine;
using System.Reflection;
using System.Runtime.CompilerServices;
using Banyan.Cli;
using Banyan.Cli.Commands;
using Banyan.Cli.Commands.Benchmark;
using Banyan.Cli.Commands.Doctor;
using Banyan.Cli.Commands.Eval;
using Banyan.Cli.Commands.Hub;
using Banyan.Cli.Commands.Tune;

StandardStreams.Guard();
if (args is not ["--version"])
    return await RunAsync(args);
Console.WriteLine(typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);
return 0;

partial class Program
{
    // A method of its own: what it uses is read, and in the single file unpacked, where it is called.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static Task<int> RunAsync(string[] args) => Exit.Run(Commands(args), args);

    /// <summary>
    /// The root command. A command is made where the line names it: making all of them reads every assembly, which takes longer than most
    /// commands. Those that share the server's settings are made together, since a settings file may contain any of them.
    /// </summary>
    internal static RootCommand Commands(string[] args) => Help.Root("Share, run, adapt, measure and spread open AI models.", args,
        ("Start", [new("up", () => new Up(), Settings: true)]),
        ("Run",
            [new("run", () => new Run()), new("chat", () => new Chat()), new("serve", () => new Serve(), Settings: true),
                new("inspect", () => new Inspect()), new("bench", () => new Bench()), new("tokenize", () => new Tokenize()),
                new("template", () => new Template()), new("logits", () => new Logits()), new("embed", Embed.Create),
                new("rank", Embed.CreateRank), new("synthesize", () => new Synthesize()), new("quantize", () => new Quantize()),
                new("convert", () => new ConvertCommand()), new("imatrix", () => new Imatrix()),
                new("perplexity", () => new PerplexityCommand())]),
        ("Share and spread",
            [new("pull", () => new Pull()), new("push", () => new Push()), new("hub", HubCommand.Create, Settings: true)]),
        ("Adapt", [new("tune", TuneCommand.Create)]),
        ("Measure", [new("eval", EvalCommand.Create)]),
        ("Operate",
            [new("backup", () => new BackupCommand(), Settings: true), new("restore", () => new RestoreCommand(), Settings: true),
                new("fsck", () => new Fsck(), Settings: true), new("key", KeyCommand.Create, Settings: true),
                new("doctor", () => new DoctorCommand(), Settings: true), new("config", ConfigCommand.Create, Settings: true),
                new("completion", () => new Completion())]));
}
