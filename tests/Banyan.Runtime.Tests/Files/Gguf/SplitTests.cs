using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Tests.Files.Gguf;

public sealed class SplitTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    string Part(int number, int count = 3, int? saysNumber = null, int tensors = 3, string? tensor = null)
    {
        var writer = new GgufWriter().Set("split.no", (ushort)((saysNumber ?? number) - 1)).Set("split.count", (ushort)3)
            .Set("split.tensors.count", tensors);
        if (number == 1)
            writer.Set("general.architecture", "qwen2");
        writer.Add(tensor ?? $"t{number}", WeightFormat.F32, [1], s => s.Write(BitConverter.GetBytes((float)number)));
        return _folder.File($"m-{number:D5}-of-{count:D5}.gguf", GgufTests.Bytes(writer));
    }

    [Fact]
    public void Any_part_opens_the_whole_set_and_so_does_the_folder()
    {
        string[] parts = [Part(1), Part(2), Part(3)];
        foreach (var path in (string[])[.. parts, _folder.Path])
        {
            using var model = ModelFile.Open(path);
            Assert.Equal(parts[0], model.Path);
            Assert.Equal("qwen2", model.Metadata.Get<string>("general.architecture"));
            Assert.Equal(["t1", "t2", "t3"], model.Tensors.Select(t => t.Name));
            var value = new float[1];
            model.GetTensor("t3").Dequantize(0, 1, value);
            Assert.Equal(3, value[0]);
        }
    }

    void Refused(string path, string problem) =>
        Assert.Contains(problem, Assert.Throws<ModelFileException>(() => ModelFile.Open(path)).Message);

    [Fact]
    public void A_missing_part_is_named()
    {
        Part(1);
        Refused(Part(3), "part 2 of 3 is missing: " + Path.Combine(_folder.Path, "m-00002-of-00003.gguf"));
    }

    [Fact]
    public void Parts_that_do_not_belong_together_are_refused()
    {
        var first = Part(1);
        Part(2, saysNumber: 3);
        Part(3);
        Refused(first, "says it is part 3 of 3, where part 2 of 3 is expected");
        Part(2, tensor: "t1");
        Refused(first, "'t1' is in two parts");
        Part(1, tensors: 4);
        Part(2);
        Refused(first, "hold 3 tensors, where 'split.tensors.count' promises 4");
    }

    [Fact]
    public void A_folder_of_several_models_asks_for_one()
    {
        _folder.File("a.gguf", "x");
        _folder.File("b.gguf", "x");
        Refused(_folder.Path, "several models (a.gguf, b.gguf); name one");
        using var empty = new TemporaryFolder();
        Refused(empty.Path, "holds no .gguf");
    }
}
