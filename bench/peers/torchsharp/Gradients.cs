using System.Globalization;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Training;
using Banyan.Training.Objectives;
using Banyan.Training.Parameters;
using Banyan.Training.Passes;
using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Torch;

/// <summary>The gradient of every weight of a model, by Banyan's way back in float32 and by autograd in float64 and float32.</summary>
static unsafe class Gradients
{
    const double LeastCosine = 0.99999, MostError = 1e-4;

    /// <summary>Prints a row a model; 1 where one is outside the bounds.</summary>
    public static int Run(IReadOnlyList<string> paths)
    {
        Console.WriteLine(
            $"Gradients of all weights, two texts of 70 and 21 tokens: Banyan in float32 against autograd (TorchSharp {typeof(torch).Assembly.GetName().Version}) in float64; autograd in float32 beside it.");
        Console.WriteLine();
        Console.WriteLine(
            "| model | weights | loss, difference | cosine | relative error | of the worst tensor | autograd's own, float32 |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        var isGood = true;
        foreach (var path in paths)
            isGood &= Compare(path);
        return isGood ? 0 : 1;
    }

    static bool Compare(string path)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = 2, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        Sample[] samples = [RandomSample(model, 70, 3), RandomSample(model, 21, 4)];
        using var network = new Network(model, new TuneOptions { Method = TuneMethod.Full }, samples.Sum(s => s.Tokens.Length));
        network.Allocate(recompute: false);
        foreach (var sample in samples)
            network.Pass.Add(sample);
        for (var i = 0; i < network.Pass.TargetCount; i++)
            network.Head.Coefficients[i] = Weight(i);
        network.Forward();
        network.Backward(CrossEntropy.Instance);
        var loss = 0.0;
        for (var i = 0; i < network.Pass.TargetCount; i++)
            loss += network.Head.Losses[i] * Weight(i);

        using var file = ModelFile.Open(path);
        var (exactLoss, exact) = Autograd(file, samples, network.Parameters.All, ScalarType.Float64);
        var (_, single) = Autograd(file, samples, network.Parameters.All, ScalarType.Float32);
        var own = network.Parameters.All.ToDictionary(p => p.Name,
            p => new Span<float>(p.Gradient, (int)p.Count).ToArray().Select(x => (double)x).ToArray());
        var (cosine, error) = (Cosine(own, exact), Error(own, exact));
        // Tensors whose gradient is next to nothing beside the largest are compared by the whole alone.
        var largest = exact.Max(t => Norm(t.Value));
        var (worst, of) = exact.Where(t => Norm(t.Value) > 1e-4 * largest)
            .Select(t => (Distance(own[t.Key], t.Value) / Norm(t.Value), t.Key)).Max();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {Path.GetFileNameWithoutExtension(path)} ({model.Config.Architecture}) | {network.Parameters.Count:N0} | {Math.Abs(loss - exactLoss) / exactLoss:e1} | {cosine:f10} | {error:e1} | {worst:e1} ({of}) | {Error(single, exact):e1} |"));
        return cosine >= LeastCosine && error <= MostError;
    }

    // By the names of Banyan's parameters: some rows of a tensor (#first), or one of its experts ([number]).
    static (double Loss, Dictionary<string, double[]> Gradients) Autograd(ModelFile file, Sample[] samples,
        IReadOnlyList<Parameter> parameters, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var model = new TorchModel(file, type, trains: true);
        var (loss, first) = (zeros([], type), 0);
        foreach (var sample in samples)
        {
            var count = sample.Targets.Skip(1).Count(t => t);
            loss = loss + model.Loss(sample.Tokens, sample.Targets, [.. Enumerable.Range(first, count).Select(Weight)]);
            first += count;
        }
        loss.backward();
        return (loss.to_type(ScalarType.Float64).item<double>(), parameters.ToDictionary(p => p.Name, p =>
        {
            var end = p.Name.IndexOfAny(['#', '[']);
            var gradient = model.Weights[end < 0 ? p.Name : p.Name[..end]].grad
                ?? throw new InvalidOperationException($"autograd has no gradient of {p.Name}");
            if (end >= 0)
            {
                var number = long.Parse(p.Name.AsSpan(end + 1).TrimEnd(']'), CultureInfo.InvariantCulture);
                gradient = p.Name[end] == '[' ? gradient[number] : gradient.narrow(0, number, p.Rows);
            }
            return gradient.to_type(ScalarType.Float64).contiguous().data<double>().ToArray();
        }));
    }

    static double Cosine(Dictionary<string, double[]> a, Dictionary<string, double[]> b) =>
        b.Sum(t => t.Value.Zip(a[t.Key], (x, y) => x * y).Sum()) / Math.Sqrt(b.Sum(t => Square(t.Value)) * b.Sum(t => Square(a[t.Key])));

    static double Error(Dictionary<string, double[]> a, Dictionary<string, double[]> b) =>
        Math.Sqrt(b.Sum(t => Math.Pow(Distance(a[t.Key], t.Value), 2)) / b.Sum(t => Square(t.Value)));

    static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Sum());

    static double Norm(double[] a) => Math.Sqrt(Square(a));

    static double Square(double[] a) => a.Sum(x => x * x);

    // Targets of different weight, so that none is taken for another.
    static float Weight(int index) => 0.5f + index % 3;

    static Sample RandomSample(Model model, int length, int seed)
    {
        var random = new Random(seed);
        return new([.. Enumerable.Range(0, length).Select(_ => random.Next(3, model.Config.VocabularySize))],
            [.. Enumerable.Range(0, length).Select(_ => random.Next(3) > 0)]);
    }
}
