using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Tests.Files.Safetensors;

public class SafetensorsTests
{
    internal const string Config = """
        {"model_type":"qwen3_moe","hidden_size":4,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":2,"num_hidden_layers":1,"max_position_embeddings":128,
         "intermediate_size":8,"vocab_size":3,"rms_norm_eps":1e-06,"rope_theta":1000000.0,"num_experts":2,"num_experts_per_tok":1,"moe_intermediate_size":2,
         "norm_topk_prob":true,"tie_word_embeddings":false,"bos_token_id":1,"eos_token_id":2,"sliding_window":4096,"use_sliding_window":false}
        """;

    internal static byte[] Bytes(SafetensorsWriter writer)
    {
        var stream = new MemoryStream();
        writer.WriteTo(stream);
        return stream.ToArray();
    }

    static Action<Stream> Floats(params float[] values) => stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan()));

    internal static SafetensorsWriter Model()
    {
        var writer = new SafetensorsWriter().Set("format", "pt")
            .Add("model.embed_tokens.weight", "F32", [3, 4], Floats([.. Enumerable.Range(0, 12).Select(i => (float)i)]))
            .Add("model.norm.weight", "BF16", [4], s => s.Write(new byte[8]))
            .Add("lm_head.weight", "F16", [3, 4], s => s.Write(new byte[24]))
            .Add("model.layers.0.self_attn.q_proj.weight", "F32", [4, 4], s => s.Write(new byte[64]))
            .Add("model.layers.0.self_attn.q_norm.weight", "F32", [2], s => s.Write(new byte[8]))
            .Add("model.layers.0.mlp.gate.weight", "F32", [2, 4], s => s.Write(new byte[32]))
            .Add("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", [1], s => s.Write(new byte[4]));
        foreach (var expert in (int[])[1, 0]) // out of order, as dictionaries may be
            writer.Add($"model.layers.0.mlp.experts.{expert}.gate_proj.weight", "F32", [2, 4],
                Floats([.. Enumerable.Range(0, 8).Select(i => 100f * expert + i)]));
        return writer;
    }

    /// <summary>A file of this header and so many bytes of weights.</summary>
    internal static byte[] Raw(string header, int data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        return bytes;
    }

    [Fact]
    public void Names_and_shapes_are_ggufs_and_experts_are_one_tensor()
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config);
        folder.File("model.safetensors", Bytes(Model()));
        using var model = ModelFile.Open(folder.Path);
        Assert.Equal(ModelFileKind.Safetensors, model.Kind);
        Assert.Equal(folder.Path, model.Folder);
        Assert.Equal(
            ["token_embd.weight [3, 4] F32", "output_norm.weight [4] BF16", "output.weight [3, 4] F16", "blk.0.attn_q.weight [4, 4] F32",
                "blk.0.attn_q_norm.weight [2] F32",
             "blk.0.ffn_gate_inp.weight [2, 4] F32", "blk.0.ffn_gate_exps.weight [2, 2, 4] F32"],
            model.Tensors.Select(t => t.ToString()));
        var experts = model.GetTensor("blk.0.ffn_gate_exps.weight");
        var row = new float[4];
        experts.Slice(1).Dequantize(1, 1, row);
        Assert.Equal([104, 105, 106, 107], row);
        var all = new float[16];
        experts.Dequantize(0, 4, all);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 102, 103, 104, 105, 106, 107], all);
        unsafe
        {
            Assert.Throws<InvalidOperationException>(() => { _ = experts.Pointer; });
            Assert.Equal(100f, *(float*)experts.Slice(1).Pointer);
        }
    }

    [Fact]
    public void Configuration_reads_as_gguf_metadata()
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config);
        folder.File("generation_config.json", """{"eos_token_id":[2,0],"pad_token_id":0}""");
        folder.File("tokenizer_config.json",
            """{"add_bos_token":false,"chat_template":[{"name":"default","template":"A"},{"name":"tool_use","template":"B"}]}""");
        folder.File("model.safetensors", Bytes(Model()));
        using var model = ModelFile.Open(System.IO.Path.Combine(folder.Path, "model.safetensors"));
        var metadata = model.Metadata;
        Assert.Equal("qwen3moe", metadata.Get<string>("general.architecture"));
        foreach (var (key, value) in ((string, int)[])[("block_count", 1), ("context_length", 128), ("embedding_length", 4),
            ("feed_forward_length", 8), ("attention.head_count", 2),
            ("attention.head_count_kv", 1), ("attention.key_length", 2), ("vocab_size", 3), ("expert_count", 2), ("expert_used_count", 1),
            ("expert_feed_forward_length", 2)])
            Assert.Equal(value, metadata.Get<int>($"qwen3moe.{key}"));
        Assert.Equal(1e6f, metadata.Get<float>("qwen3moe.rope.freq_base"));
        Assert.Equal(1e-6f, metadata.Get<float>("qwen3moe.attention.layer_norm_rms_epsilon"));
        Assert.False(metadata.Contains("qwen3moe.attention.sliding_window"));
        Assert.Equal((1, 2, 0),
            (metadata.Get<int>("tokenizer.ggml.bos_token_id"), metadata.Get<int>("tokenizer.ggml.eos_token_id"),
                metadata.Get<int>("tokenizer.ggml.padding_token_id")));
        Assert.Equal([2, 0], metadata.Get<int[]>("tokenizer.ggml.eos_token_ids"));
        Assert.Equal(("A", "B"),
            (metadata.Get<string>("tokenizer.chat_template"), metadata.Get<string>("tokenizer.chat_template.tool_use")));
        Assert.False(metadata.Get<bool>("tokenizer.ggml.add_bos_token"));
        folder.File("chat_template.jinja", "C");
        using var again = ModelFile.Open(folder.Path);
        Assert.Equal("C", again.Metadata.Get<string>("tokenizer.chat_template"));
    }

    [Theory]
    [InlineData(""" "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192} """, "llama3", 8f, 8192)]
    [InlineData(""" "rope_scaling":{"type":"yarn","factor":4.0,"original_max_position_embeddings":32768} """, "yarn", 4f, 32768)]
    [InlineData(""" "rope_parameters":{"rope_type":"linear","rope_theta":5000,"factor":2} """, "linear", 2f, null)]
    [InlineData(""" "rope_scaling":null """, null, null, null)]
    public void Rope_scaling_reaches_the_metadata(string scaling, string? type, float? factor, int? original)
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config.Replace("qwen3_moe", "llama").Replace("\"rope_theta\":1000000.0", scaling));
        folder.File("model.safetensors", Bytes(Model()));
        using var model = ModelFile.Open(folder.Path);
        Assert.Equal(type, model.Metadata.Get<string?>("llama.rope.scaling.type", null));
        Assert.Equal(factor ?? 0, model.Metadata.Get("llama.rope.scaling.factor", 0f));
        Assert.Equal(original ?? 0, model.Metadata.Get("llama.rope.scaling.original_context_length", 0));
        Assert.Equal(type == "llama3" ? 4f : 0f, model.Metadata.Get("llama.rope.scaling.high_freq_factor", 0f));
        Assert.Equal(type == "linear" ? 5000f : 10000f, model.Metadata.Get<float>("llama.rope.freq_base"));
    }

    [Fact]
    public void Tied_embeddings_leave_no_output()
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config.Replace("\"tie_word_embeddings\":false", "\"tie_word_embeddings\":true"));
        folder.File("model.safetensors", Bytes(Model()));
        using var model = ModelFile.Open(folder.Path);
        Assert.False(model.TryGetTensor("output.weight", out _));
    }

    /// <summary>The embedding in place of an output matrix that is not there computes something else.</summary>
    [Fact]
    public void An_output_of_its_own_that_is_missing_is_refused()
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config);
        folder.File("model.safetensors", Bytes(new SafetensorsWriter().Add("model.embed_tokens.weight", "F32", [1, 2], Floats(1, 2))));
        Assert.Contains("'tie_word_embeddings' is false", Assert.Throws<ModelFileException>(() => ModelFile.Open(folder.Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_are_one_model_and_a_missing_one_is_named()
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config);
        folder.File("a.safetensors", Bytes(new SafetensorsWriter().Add("model.norm.weight", "F32", [2], Floats(1, 2))));
        folder.File("b.safetensors", Bytes(new SafetensorsWriter().Add("lm_head.weight", "F32", [1, 2], Floats(3, 4))));
        var index = folder.File("model.safetensors.index.json",
            """{"metadata":{"total_size":16},"weight_map":{"model.norm.weight":"a.safetensors","lm_head.weight":"b.safetensors"}}""");
        using (var model = ModelFile.Open(folder.Path))
        {
            Assert.Equal(2, model.Files.Count);
            var row = new float[2];
            model.GetTensor("output.weight").Dequantize(0, 1, row);
            Assert.Equal([3, 4], row);
        }
        File.Delete(System.IO.Path.Combine(folder.Path, "b.safetensors"));
        Assert.Contains("shard b.safetensors is missing", Assert.Throws<ModelFileException>(() => ModelFile.Open(index)).Message);
        foreach (var outside in (string[])["../a.safetensors", "/etc/passwd", "..", ""])
        {
            folder.File("model.safetensors.index.json", $$$"""{"weight_map":{"model.norm.weight":"{{{outside}}}"}}""");
            Assert.Contains("in the same folder", Assert.Throws<ModelFileException>(() => ModelFile.Open(index)).Message);
        }
        folder.File("model.safetensors.index.json", """{"weight_map":{"other":"a.safetensors"}}""");
        Assert.Contains("'other' is not in a.safetensors", Assert.Throws<ModelFileException>(() => ModelFile.Open(index)).Message);
    }

    const string Norm = "\"model.norm.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

    [Theory]
    [InlineData("{" + Norm + "}", 8, null)]
    [InlineData("{" + Norm + "}      ", 8, null)]
    [InlineData("{" + Norm + ",\"empty\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}", 8, "dimension of zero")]
    [InlineData(" {" + Norm + "}", 8, "not '{'")]
    [InlineData("{" + Norm + "," + Norm + "}", 8, "Duplicate property")]
    [InlineData("{" + Norm + "}", 7, "7 bytes")]
    [InlineData("{" + Norm + "}", 9, "but the file at")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}", 9, "hole")]
    [InlineData("{" + Norm + ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "overlap")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "takes 12 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4611686018427387904,16],\"data_offsets\":[0,0]}}", 0, "takes")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "-2")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[1e1],\"data_offsets\":[0,8]}}", 8, "1e1")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "[8,0]")]
    [InlineData("{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "F33")]
    [InlineData("{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "cannot be read")]
    [InlineData("{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "I64, which cannot be computed with")]
    [InlineData("{\"a\":[]}", 0, "lacks dtype")]
    [InlineData("{\"\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "no name")]
    [InlineData("{\"a\":[[[[[[[[[[[[]]]]]]]]]]]]}", 0, "nested more than")]
    [InlineData("{\"a\":", 0, "JSON cannot be read")]
    [InlineData("{\"\\ud800\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "cannot be read")]
    public void Headers_are_held_to_the_format(string header, int data, string? problem)
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config);
        var path = folder.File("model.safetensors", Raw(header, data));
        if (problem is null)
        {
            ModelFile.Open(path).Dispose();
            return;
        }
        var message = Assert.Throws<ModelFileException>(() => ModelFile.Open(path)).Message;
        Assert.Contains(path, message);
        Assert.Contains(problem, message);
    }

    [Fact]
    public void A_header_of_one_byte_none_or_too_much_is_refused()
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config);
        void Refused(byte[] bytes, string problem) =>
            Assert.Contains(problem,
                Assert.Throws<ModelFileException>(() => ModelFile.Open(folder.File("model.safetensors", bytes))).Message);
        Refused([1], "1 byte(s)");
        Refused([], "empty");
        Refused([1, 0, 0, 0, 0, 0, 0, 0, (byte)'{'], "header length is 1");
        Refused([0, 0, 0, 0, 0, 0, 0, 0], "header length is 0");
        Refused([255, 255, 255, 255, 255, 255, 255, 255, (byte)'{'], "18446744073709551615");
        Refused([200, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "only 2 bytes follow");
        var bad = Raw("{\"a?\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
        bad[Array.IndexOf(bad, (byte)'?')] = 0xFF;
        Refused(bad, "damaged");
    }

    [Theory]
    [InlineData("{}", "model_type")]
    [InlineData("""{"model_type":"gpt2"}""", "'gpt2' is not supported; those that are: qwen2")]
    [InlineData("""{"model_type":"llama","hidden_size":"x"}""", "hidden_size")]
    [InlineData("""{"model_type":"llama","hidden_size":4,"num_attention_heads":0}""", "num_attention_heads")]
    [InlineData("""{"model_type":"llama","quantization_config":{"quant_method":"hqq"}}""", "hqq")]
    [InlineData("[]", "object is needed")]
    [InlineData("{", "JSON cannot be read")]
    [InlineData(null, "missing")]
    public void A_configuration_that_says_too_little_is_refused(string? config, string problem)
    {
        using var folder = new TemporaryFolder();
        if (config is not null)
            folder.File("config.json", config);
        folder.File("model.safetensors", Bytes(Model()));
        var message = Assert.Throws<ModelFileException>(() => ModelFile.Open(folder.Path)).Message;
        Assert.Contains("config.json", message);
        Assert.Contains(problem, message);
    }

    [Fact]
    public void Experts_must_be_complete_and_alike()
    {
        using var folder = new TemporaryFolder();
        folder.File("config.json", Config);
        foreach (var name in (string[])["model.layers.0.mlp.experts.3.gate_proj.weight", "model.layers.0.mlp.experts.2.gate_proj.weight"])
        {
            folder.File("model.safetensors",
                Bytes(Model().Add(name, "F32", name.Contains(".3.") ? [2, 4] : [1, 8], s => s.Write(new byte[32]))));
            Assert.Contains("experts of 'blk.0.ffn_gate_exps.weight'",
                Assert.Throws<ModelFileException>(() => ModelFile.Open(folder.Path)).Message);
        }
    }

    [Fact]
    public void A_writer_is_deterministic_aligned_and_checked()
    {
        var bytes = Bytes(Model());
        Assert.Equal(bytes, Bytes(Model()));
        Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(bytes) % 8);
        Assert.Throws<ArgumentException>(() => new SafetensorsWriter().Add("a", "Q4_0", [1], _ => { }));
        Assert.Throws<ArgumentException>(() => Model().Add("lm_head.weight", "F32", [1], _ => { }));
        Assert.Throws<InvalidOperationException>(() =>
            new SafetensorsWriter().Add("a", "F32", [2], s => s.WriteByte(1)).WriteTo(Stream.Null));
    }
}
