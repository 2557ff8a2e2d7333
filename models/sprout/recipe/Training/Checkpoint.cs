using System.Text.Json;

namespace Banyan.Sprout.Training;

/// <summary>Where a run stands. Time is counted in seconds of training, so that a pause costs nothing.</summary>
internal sealed record RunState(long Step, long Tokens, double TrainedSeconds, long PlainAt, long FimAt, long Sequences);

/// <summary>Weights, optimizer state and position in one file, replaced as a whole.</summary>
internal static class Checkpoint
{
    public static void Save(string path, SproutModel model, Optimizer optimizer, RunState state) =>
        TensorFile.Save(path, model.Parameters.Concat(optimizer.State), half: false, new()
        {
            ["state"] = JsonSerializer.Serialize(state),
            ["shape"] = JsonSerializer.Serialize(model.Shape),
        });

    public static RunState Load(string path, SproutModel model, Optimizer optimizer) =>
        JsonSerializer.Deserialize<RunState>(TensorFile.Load(path, model.Parameters.Concat(optimizer.State))["state"])!;

    /// <summary>The weights alone, for evaluation and export.</summary>
    public static (SproutModel Model, RunState State) LoadModel(string path)
    {
        var model = new SproutModel(ReadShape(path), seed: 0);
        return (model, JsonSerializer.Deserialize<RunState>(TensorFile.Load(path, model.Parameters)["state"])!);
    }

    private static ModelShape ReadShape(string path)
    {
        using var file = File.OpenRead(path);
        var length = new byte[8];
        file.ReadExactly(length);
        var header = new byte[BitConverter.ToInt64(length)];
        file.ReadExactly(header);
        using var json = JsonDocument.Parse(header);
        return JsonSerializer.Deserialize<ModelShape>(json.RootElement.GetProperty("__metadata__").GetProperty("shape").GetString()!)!;
    }
}
