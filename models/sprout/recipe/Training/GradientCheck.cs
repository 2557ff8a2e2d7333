using TorchSharp;
using static TorchSharp.torch;

namespace Banyan.Sprout.Training;

/// <summary>Compares <see cref="SequenceGradient"/> with libtorch's automatic differentiation of <see cref="SproutModel.Forward"/>.</summary>
internal static class GradientCheck
{
    /// <summary>The largest difference of any parameter's gradient, relative to that gradient's norm.</summary>
    public static double Run(SproutModel model, int positions)
    {
        set_num_threads(1);
        var random = new Random(7);
        ushort[] sequence = [.. Enumerable.Range(0, positions + 1).Select(_ => (ushort)random.Next(model.Shape.VocabularySize))];
        SproutModel byHand = model.Replica(), automatic = model.Replica();
        using var gradient = new SequenceGradient(byHand);
        gradient.Add(sequence[..9], 1); // a first, shorter one: nothing of it may remain
        foreach (var parameter in byHand.Parameters.Values)
        {
            parameter.grad!.zero_();
        }

        float loss = gradient.Add(sequence, 1);
        var ids = tensor(sequence.Select(id => (long)id).ToArray());
        var expected = nn.functional.cross_entropy(automatic.Forward(ids.narrow(0, 0, positions).unsqueeze(0))[0], ids.narrow(0, 1, positions));
        expected.backward();
        Console.WriteLine($"loss {loss:F6}, libtorch {expected.ToSingle():F6}");
        double worst = 0;
        foreach (var (name, parameter) in byHand.Parameters)
        {
            var reference = automatic.Parameters[name].grad!;
            double difference = (parameter.grad! - reference).norm().ToDouble() / (reference.norm().ToDouble() + 1e-12);
            Console.WriteLine($"  {name,-50} {difference:E2}");
            worst = Math.Max(worst, difference);
        }

        return worst;
    }
}
