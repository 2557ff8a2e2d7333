using Banyan.Bench;
using Banyan.Bench.Hub;

var threads = Number("--threads", Environment.ProcessorCount);
switch (args)
{
    case ["kernels", ..]:
        KernelBench.Run(threads, Option("--only"));
        return 0;
    case ["gemm", ..]:
        GemmBench.Run(threads);
        return 0;
    case ["tune", var path, ..]:
        TuneBench.Run(path, threads, Number("--length", 512), Number("--steps", 3), bfloat16: args.Contains("--bf16"));
        return 0;
    case ["attention", ..]:
        AttentionBench.Run(threads);
        return 0;
    case ["model", var path, ..]:
        await ModelBench.Run(path, threads, Number("--prompt", 256), Number("--generate", 64), Number("--runs", 5));
        return 0;
    case ["speculation", var path, var file, ..]:
        return await SpeculationBench.Run(path, file, Option("--names") ?? "part item", threads, Number("--runs", 5),
            Number("--generate", 4000));
    case ["passes", var path, ..]:
        PassBench.Run(path, threads, Number("--depth", 2048), Number("--rows", 0));
        return 0;
    case ["decode", var path, ..]:
        DecodeBench.Run(path, threads, Number("--depth", 64), Number("--seconds", 10));
        return 0;
    case ["load", var path, ..]:
        await LoadBench.Run(path, threads);
        return 0;
    case ["grammars", var path, ..]:
        return GrammarBench.Run(path);
    case ["forced", var path, ..]:
        return await ForcedBench.Run(path, Number("--runs", 5), Number("--generate", 128));
    case ["sampler"]:
        return SamplerBench.Run();
    case ["beside", var path, ..]:
        return await BesideBench.Run(path, threads, Number("--prompt", 16384), Number("--length", 64), Number("--together", 4),
            Number("--generate", 8));
    case ["disassemble", .. var name]:
        return Disassembly.Run(name.Length == 0 ? null : string.Join(' ', name));
    case ["hub", ..]:
        await HubBench.RunAsync(Option("--folder") ?? Path.Combine(Path.GetTempPath(), "banyan-hub-bench"),
            Number("--gigabytes", 4), Option("--only"));
        return 0;
    case ["hub-lists", ..]:
        await ListBench.RunAsync(Option("--folder") ?? Path.Combine(Path.GetTempPath(), "banyan-list-bench"),
            Number("--repos", 100_000), Option("--database"));
        return 0;
    case ["hub-git", ..]:
        await GitBench.RunAsync(Option("--folder") ?? Path.Combine(Path.GetTempPath(), "banyan-git-bench"), Number("--commits", 10_000),
            Number("--bytes", 100), Number("--runs", 5));
        return 0;
    case ["hub-server", var folder]:
        await HubServerProcess.RunAsync(
            folder, packs: Environment.GetEnvironmentVariable("BANYAN_BENCH_PACKS") == "1",
            Enum.Parse<HubServerProcess.Watching>(Environment.GetEnvironmentVariable("BANYAN_BENCH_WATCHING") ?? "Metrics"));
        return 0;
    default:
        Console.Error.WriteLine("usage: Banyan.Bench kernels [--threads N] [--only FORMAT]");
        Console.Error.WriteLine("       Banyan.Bench gemm [--threads N]");
        Console.Error.WriteLine("       Banyan.Bench tune FILE [--threads N] [--length 512] [--steps 3]");
        Console.Error.WriteLine("       Banyan.Bench attention [--threads N]");
        Console.Error.WriteLine("       Banyan.Bench model FILE [--threads N] [--prompt 256] [--generate 64] [--runs 5]");
        Console.Error.WriteLine(
            "       Banyan.Bench speculation MODEL FILE [--names \"OLD NEW\"] [--threads N] [--generate 4000] [--runs 5]");
        Console.Error.WriteLine("       Banyan.Bench passes MODEL [--depth 2048] [--rows N] [--threads N]");
        Console.Error.WriteLine("       Banyan.Bench decode MODEL [--depth 64] [--threads N] [--seconds 10]");
        Console.Error.WriteLine("       Banyan.Bench load MODEL [--threads N]");
        Console.Error.WriteLine("       Banyan.Bench grammars TOKENIZER");
        Console.Error.WriteLine("       Banyan.Bench forced MODEL [--generate 128] [--runs 5]");
        Console.Error.WriteLine("       Banyan.Bench sampler");
        Console.Error.WriteLine(
            "       Banyan.Bench beside MODEL [--prompt 16384] [--length 64] [--together 4] [--generate 8] [--threads N]");
        Console.Error.WriteLine("       Banyan.Bench disassemble [KERNEL]");
        Console.Error.WriteLine("       Banyan.Bench hub [--gigabytes 4] [--only stages|transfer|upload|small|many] [--folder DIR]");
        Console.Error.WriteLine("       Banyan.Bench hub-git [--commits 10000] [--bytes 100] [--runs 5] [--folder DIR]");
        Console.Error.WriteLine("       Banyan.Bench hub-lists [--repos 100000] [--folder DIR] [--database CONNECTION]");
        return 2;
}

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and var i && i + 1 < args.Length ? args[i + 1] : null;

int Number(string name, int otherwise) => Option(name) is { } text ? int.Parse(text) : otherwise;
