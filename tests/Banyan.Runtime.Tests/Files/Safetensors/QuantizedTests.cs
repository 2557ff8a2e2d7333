using Banyan.Runtime.Conversion;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tests.Models;
using Layout = Banyan.Runtime.Tests.Files.Safetensors.QuantizedFolder.Layout;

namespace Banyan.Runtime.Tests.Files.Safetensors;

/// <summary>
/// Quantized safetensors have the values that their layouts' descriptions give, bit for bit, and a model of them answers as one of those
/// values.
/// </summary>
public class QuantizedTests
{
    static readonly Dictionary<string, (string Config, Layout Layout)> s_layouts = new()
    {
        ["fp8 in blocks"] = ("""{"quant_method":"fp8","fmt":"e4m3","activation_scheme":"dynamic","weight_block_size":[32,64]}""",
            QuantizedFolder.Fp8(".weight_scale_inv", 32, 64)),
        ["fp8 in small blocks"] = ("""{"quant_method":"fp8","weight_block_size":[16,16]}""",
            QuantizedFolder.Fp8(".weight_scale_inv", 16, 16)),
        ["fp8, one scale"] = ("""{"quant_method":"modelopt","quant_algo":"FP8"}""", QuantizedFolder.Fp8(".weight_scale", 1 << 20, 1 << 20)),
        ["fp8 by rows"] = (Compressed("float-quantized", """{"num_bits":8,"type":"float","symmetric":true,"strategy":"channel"}"""),
            QuantizedFolder.Fp8(".weight_scale", 1, 1 << 20)),
        ["gptq"] = ("""{"quant_method":"gptq","bits":4,"group_size":32,"sym":true,"desc_act":false}""",
            QuantizedFolder.Gptq(4, 32, true, false, 1)),
        ["gptq with zeros"] = ("""{"quant_method":"gptq","bits":4,"group_size":32,"sym":false,"checkpoint_format":"gptq_v2"}""",
            QuantizedFolder.Gptq(4, 32, false, false, 2)),
        ["gptq in order of importance"] = ("""{"quant_method":"gptq","bits":4,"group_size":32,"desc_act":true}""",
            QuantizedFolder.Gptq(4, 32, false, true, 1)),
        ["gptq in 3 bits"] = ("""{"quant_method":"gptq","bits":3,"group_size":32}""", QuantizedFolder.Gptq(3, 32, false, false, 1)),
        ["gptq in 8 bits"] = ("""{"quant_method":"gptq","bits":8,"group_size":-1}""", QuantizedFolder.Gptq(8, 1 << 20, false, false, 1)),
        ["awq"] = ("""{"quant_method":"awq","bits":4,"group_size":32,"zero_point":true,"version":"gemm"}""", QuantizedFolder.Awq(32)),
        ["packed"] = (Compressed("pack-quantized", """{"num_bits":4,"type":"int","symmetric":true,"strategy":"group","group_size":32}"""),
            QuantizedFolder.Packed(4, 32, true)),
        ["packed with zeros"] =
            (Compressed("pack-quantized", """{"num_bits":4,"type":"int","symmetric":false,"strategy":"group","group_size":32}"""),
                QuantizedFolder.Packed(4, 32, false)),
        ["packed in 5 bits"] = (Compressed("pack-quantized", """{"num_bits":5,"type":"int","symmetric":false,"strategy":"channel"}"""),
            QuantizedFolder.Packed(5, 1 << 20, false)),
        ["packed in 8 bits"] = (Compressed("pack-quantized", """{"num_bits":8,"type":"int","symmetric":true,"strategy":"channel"}"""),
            QuantizedFolder.Packed(8, 1 << 20, true)),
        ["int8"] =
            (Compressed("int-quantized", """{"num_bits":8,"type":"int","symmetric":true,"strategy":"channel"}"""), QuantizedFolder.Int8),
        ["mxfp4"] =
            (Compressed("mxfp4-pack-quantized", """{"num_bits":4,"type":"float","symmetric":true,"strategy":"group","group_size":32}"""),
                QuantizedFolder.Mxfp4),
        ["nvfp4"] =
            (Compressed("nvfp4-pack-quantized",
                """{"num_bits":4,"type":"float","symmetric":true,"strategy":"tensor_group","group_size":16}"""),
                    QuantizedFolder.Nvfp4(false)),
        ["nvfp4 of ModelOpt"] = ("""{"quant_method":"modelopt","quant_algo":"NVFP4"}""", QuantizedFolder.Nvfp4(true)),
    };

    public static TheoryData<string> Layouts => [.. s_layouts.Keys];

    static string Compressed(string format, string weights) =>
        $$$"""{"quant_method":"compressed-tensors","format":"{{{format}}}","config_groups":{"group_0":{"weights":{{{weights}}},"targets":["Linear"]}},"ignore":["lm_head"]}""";

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Values_are_the_layouts_and_answers_theirs(string name)
    {
        using var temporary = new TemporaryFolder();
        var (config, layout) = s_layouts[name];
        var quantized = new QuantizedFolder(Path.Combine(temporary.Path, "quantized"), config, layout, ".0.");
        using (var file = ModelFile.Open(quantized.Folder))
            foreach (var (module, values) in quantized.Values)
            {
                var tensor = file.GetTensor(GgufName(module));
                var found = new float[values.Length];
                tensor.Dequantize(0, (int)tensor.Rows, found);
                if (file.TryGetTensor(GgufName(module).Replace(".weight", ".scale", StringComparison.Ordinal), out var scale))
                {
                    var all = new float[1];
                    scale.Dequantize(0, 1, all);
                    found = [.. found.Select(f => f * all[0])];
                }
                Assert.Equal(values, found);
            }
        quantized.WriteDequantized(Path.Combine(temporary.Path, "plain"));
        var (answers, expected) = (Answers(quantized.Folder), Answers(Path.Combine(temporary.Path, "plain")));
        Assert.True(answers.Zip(expected).All(p => Math.Abs(p.First - p.Second) < 1e-4f),
            $"{answers.Zip(expected).Max(p => Math.Abs(p.First - p.Second))}");
        if (name is not ("nvfp4" or "awq" or "packed" or "fp8 in blocks"))
            return;
        // As GGUF too, exactly or (of what that has no format for) in halves.
        using (var file = ModelFile.Open(quantized.Folder))
        using (var conversion = new GgufConversion(file))
            conversion.Write(Path.Combine(temporary.Path, "model.gguf"));
        answers = Answers(Path.Combine(temporary.Path, "model.gguf"));
        Assert.True(answers.Zip(expected).All(p => Math.Abs(p.First - p.Second) < (name is "awq" or "fp8 in blocks" ? 2e-2f : 1e-4f)),
            $"{answers.Zip(expected).Max(p => Math.Abs(p.First - p.Second))}");
    }

    // How far the model is from its base's reference, value by value: the same of both if they compute the same.
    static List<float> Answers(string folder)
    {
        using var model =
            Model.Load(folder, new ModelOptions { Threads = 1, Activations = ActivationFormat.Float, KvCache = KvFormat.F32 });
        return Reference.Differences(model, [Reference.Load(QuantizedFolder.Base).Runs[0] with { }], 256);
    }

    static string GgufName(string name) => "blk.0." + name[(name.IndexOf(".0.", StringComparison.Ordinal) + 3)..] switch
    {
        var part when part.StartsWith("self_attn.o", StringComparison.Ordinal) => "attn_output.weight",
        var part when part.StartsWith("self_attn.", StringComparison.Ordinal) => $"attn_{part["self_attn.".Length]}.weight",
        var part => $"ffn_{part["mlp.".Length..^"_proj.weight".Length]}.weight",
    };

    [Theory]
    [InlineData("""{"quant_method":"gptq","bits":5}""", "'bits' is 5")]
    [InlineData("""{"quant_method":"gptq"}""", "'bits'")]
    [InlineData("""{"quant_method":"gptq","bits":4,"checkpoint_format":"marlin"}""", "'checkpoint_format' is marlin")]
    [InlineData("""{"quant_method":"awq","bits":4,"version":"gemv"}""", "'version' is gemv")]
    [InlineData("""{"quant_method":"fp8","fmt":"e5m2"}""", "'fmt' is e5m2")]
    [InlineData("""{"quant_method":"modelopt","quant_algo":"W4A16"}""", "modelopt")]
    [InlineData("""{"quant_method":"bitsandbytes"}""", "bitsandbytes")]
    [InlineData("""{"quant_method":"compressed-tensors","format":"marlin-24","config_groups":{"g":{"weights":{"num_bits":4,"type":"nibble"}}}}""", "marlin-24")]
    [InlineData("""{"quant_method":"compressed-tensors","config_groups":{"g":{"weights":{"num_bits":7,"type":"int"}}}}""",
        "'num_bits' is 7")]
    public void A_combination_that_is_not_read_is_refused_by_name(string config, string named)
    {
        using var temporary = new TemporaryFolder();
        temporary.File("config.json", $$$"""{"model_type":"llama","quantization_config":{{{config}}}}""");
        temporary.File("model.safetensors", [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
        Assert.Contains(named, Assert.Throws<ModelFileException>(() => ModelFile.Open(temporary.Path)).Message, StringComparison.Ordinal);
    }

    // What a part becomes, and what the error names.
    [Theory]
    [InlineData("gptq", ".scales", "gone", ".scales")]
    [InlineData("gptq", ".scales", "nan", "NaN")]
    [InlineData("gptq", ".scales", "shape", ".scales")]
    [InlineData("gptq", ".qzeros", "shape", ".qzeros")]
    [InlineData("gptq", ".g_idx", "huge", "group")]
    [InlineData("awq", ".qzeros", "shape", ".qzeros")]
    [InlineData("awq", ".scales", "nan", "NaN")]
    [InlineData("packed", ".weight_shape", "huge", ".weight_shape")]
    [InlineData("packed", ".weight_shape", "gone", ".weight_shape")]
    [InlineData("packed", ".weight_scale", "shape", ".weight_scale")]
    [InlineData("packed with zeros", ".weight_zero_point", "shape", ".weight_zero_point")]
    [InlineData("fp8 in blocks", ".weight_scale_inv", "shape", ".weight_scale_inv")]
    [InlineData("fp8 in blocks", ".weight_scale_inv", "nan", "NaN")]
    [InlineData("fp8 in blocks", ".weight_scale_inv", "gone", ".weight_scale")]
    [InlineData("mxfp4", ".weight_scale", "huge", "NaN")]
    [InlineData("mxfp4", ".weight_scale", "shape", ".weight_scale")]
    [InlineData("nvfp4", ".weight_global_scale", "nan", "weight_global_scale")]
    [InlineData("nvfp4", ".weight_global_scale", "zero", "weight_global_scale")]
    [InlineData("nvfp4", ".weight_scale", "huge", "NaN")]
    public void Parts_that_do_not_fit_are_refused_by_name(string name, string part, string change, string named)
    {
        using var temporary = new TemporaryFolder();
        var (config, layout) = s_layouts[name];
        var quantized = new QuantizedFolder(Path.Combine(temporary.Path, "model"), config, layout, ".0.mlp.up_proj");
        var parts = quantized.Parts.Select(p => !p.Name.EndsWith(".0.mlp.up_proj" + part, StringComparison.Ordinal) ? p : change switch
        {
            "gone" => null,
            "nan" => p with { Bytes = [.. Enumerable.Repeat((byte)0xFF, p.Bytes.Length)] },
            "huge" => p with { Bytes = [.. Enumerable.Repeat((byte)0xFF, p.Bytes.Length - 1), (byte)(p.Type[0] == 'I' ? 0x7F : 0xFF)] },
            "zero" => p with { Bytes = new byte[p.Bytes.Length] },
            _ => p with { Shape = [p.Shape[^1], .. p.Shape.SkipLast(2), p.Shape.Length > 1 ? p.Shape[^2] : 1] },
        }).OfType<QuantizedFolder.Part>().ToList();
        QuantizedFolder.Write(Path.Combine(quantized.Folder, "model.safetensors"), parts);
        Assert.Contains(named, Assert.Throws<ModelFileException>(() => ModelFile.Open(quantized.Folder)).Message, StringComparison.Ordinal);
    }
}
