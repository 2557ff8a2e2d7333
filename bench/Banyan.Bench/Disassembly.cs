using Banyan.Runtime.Kernels.Assembled;
using Iced.Intel;

namespace Banyan.Bench;

/// <summary>The assembled kernels as text.</summary>
static class Disassembly
{
    /// <summary>Lists the kernels, or prints the one of that name.</summary>
    public static int Run(string? name)
    {
        if (name is null)
        {
            foreach (var kernel in KernelSet.All)
                Console.WriteLine(kernel.Name);
            return 0;
        }
        if (KernelSet.All.FirstOrDefault(k => k.Name == name) is not { } chosen)
        {
            Console.Error.WriteLine($"There is no kernel \"{name}\"; disassemble without a name lists them.");
            return 2;
        }
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(chosen.Assemble()));
        var formatter = new NasmFormatter();
        var text = new StringOutput();
        Instruction instruction;
        do // what follows the return are constants
        {
            decoder.Decode(out instruction);
            formatter.Format(instruction, text);
            Console.WriteLine($"{instruction.IP:x4}  {text.ToStringAndReset()}");
        }
        while (instruction.Mnemonic != Mnemonic.Ret);
        return 0;
    }
}
