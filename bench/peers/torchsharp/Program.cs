using Banyan.Torch;

switch (args)
{
    case ["gradients", .. var models] when models.Length > 0:
        return Gradients.Run(models);
    case ["curve", var model]:
        return Curve.Run(model);
    case ["step", var model, ..]:
        return StepBench.Run(model, Number("--threads", Environment.ProcessorCount), Number("--length", 512),
            Number("--steps", 3), Number("--rounds", 2));
    case ["step-of", var who, var model, var threads, var length, var steps]:
        return StepBench.RunOne(who, model, int.Parse(threads), int.Parse(length), int.Parse(steps));
    default:
        Console.Error.WriteLine("usage: Banyan.Torch gradients MODEL.gguf…       whole models' gradients, Banyan's and autograd's");
        Console.Error.WriteLine("       Banyan.Torch curve MODEL.gguf            losses of the same run, three seeds");
        Console.Error.WriteLine(
            "       Banyan.Torch step MODEL.gguf [--threads N] [--length 512] [--steps 3] [--rounds 2]    speed and memory of a step of LoRA");
        return 2;
}

int Number(string name, int otherwise) => Array.IndexOf(args, name) is >= 0 and var i && i + 1 < args.Length
    ? int.Parse(args[i + 1]) : otherwise;
