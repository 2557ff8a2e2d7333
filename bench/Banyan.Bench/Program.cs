using Banyan.Bench;

var threads = int.Parse(Option("--threads") ?? Environment.ProcessorCount.ToString());
switch (args.FirstOrDefault())
{
    case "kernels":
        KernelBench.Run(threads, Option("--only"));
        return 0;
    default:
        Console.Error.WriteLine("usage: Banyan.Bench kernels [--threads N] [--only FORMAT]");
        return 2;
}

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and var i && i + 1 < args.Length ? args[i + 1] : null;
